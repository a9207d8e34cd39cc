package apply

// How the lists and maps of the built-in kinds merge, as the reference of the
// Kubernetes API says of each (listType, listMapKeys, mapType, structType; see
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy).
// Only what differs from the rule stands here. The rule: a list is atomic, that
// is, one value with one owner; a map and a struct are separable, each field
// has owners of its own.
//
// Types are named as in OpenAPI, without what they all begin with.

// listKeys are the lists that are merged element by element: by the fields
// named, or, with none, as a set, whose elements are their own keys.
func listKeys() map[string]map[string][]string {
	return map[string]map[string][]string{
		"admissionregistration.v1.MutatingAdmissionPolicySpec":                                    {"matchConditions": {"name"}},
		"admissionregistration.v1.MutatingWebhook":                                                {"matchConditions": {"name"}},
		"admissionregistration.v1.MutatingWebhookConfiguration":                                   {"webhooks": {"name"}},
		"admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec":                           {"validationActions": {}},
		"admissionregistration.v1.ValidatingAdmissionPolicySpec":                                  {"matchConditions": {"name"}, "variables": {"name"}},
		"admissionregistration.v1.ValidatingAdmissionPolicyStatus":                                {"conditions": {"type"}},
		"admissionregistration.v1.ValidatingWebhook":                                              {"matchConditions": {"name"}},
		"admissionregistration.v1.ValidatingWebhookConfiguration":                                 {"webhooks": {"name"}},
		"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus": {"conditions": {"type"}},
		"io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceStatus":                     {"conditions": {"type"}},
		"apps.v1.DaemonSetStatus":                                                                 {"conditions": {"type"}},
		"apps.v1.DeploymentStatus":                                                                {"conditions": {"type"}},
		"apps.v1.ReplicaSetStatus":                                                                {"conditions": {"type"}},
		"apps.v1.StatefulSetStatus":                                                               {"conditions": {"type"}},
		"autoscaling.v2.HorizontalPodAutoscalerStatus":                                            {"conditions": {"type"}},
		"batch.v1.JobSchedulingConfiguration":                                                     {"resourceClaims": {"name"}},
		"batch.v1.PodFailurePolicyOnExitCodesRequirement":                                         {"values": {}},
		"batch.v1.UncountedTerminatedPods":                                                        {"failed": {}, "succeeded": {}},
		"certificates.v1.CertificateSigningRequestStatus":                                         {"conditions": {"type"}},
		"certificates.v1.PodCertificateRequestStatus":                                             {"conditions": {"type"}},
		"core.v1.ComponentStatus":                                                                 {"conditions": {"type"}},
		"core.v1.Container":                                                                       {"env": {"name"}, "ports": {"containerPort", "protocol"}, "volumeDevices": {"devicePath"}, "volumeMounts": {"mountPath"}},
		"core.v1.ContainerRestartRuleOnExitCodes":                                                 {"values": {}},
		"core.v1.ContainerStatus":                                                                 {"allocatedResourcesStatus": {"name"}, "volumeMounts": {"mountPath"}},
		"core.v1.EphemeralContainer":                                                              {"env": {"name"}, "ports": {"containerPort", "protocol"}, "volumeDevices": {"devicePath"}, "volumeMounts": {"mountPath"}},
		"core.v1.NamespaceStatus":                                                                 {"conditions": {"type"}},
		"core.v1.NodeAllocatableResourceClaimStatus":                                              {"containers": {}, "mapping": {"name"}, "overhead": {"name"}},
		"core.v1.NodePodPreemptionPolicy":                                                         {"disableResizePreemption": {}},
		"core.v1.NodeSpec":                                                                        {"podCIDRs": {}},
		"core.v1.NodeStatus":                                                                      {"addresses": {"type"}, "conditions": {"type"}},
		"core.v1.PersistentVolumeClaimStatus":                                                     {"conditions": {"type"}},
		"core.v1.PodSpec":                                                                         {"containers": {"name"}, "ephemeralContainers": {"name"}, "evictionResponders": {"name"}, "hostAliases": {"ip"}, "imagePullSecrets": {"name"}, "initContainers": {"name"}, "resourceClaims": {"name"}, "schedulingGates": {"name"}, "topologySpreadConstraints": {"topologyKey", "whenUnsatisfiable"}, "volumes": {"name"}},
		"core.v1.PodStatus":                                                                       {"conditions": {"type"}, "nodeAllocatableResourceClaimStatuses": {"resourceClaimName"}, "podIPs": {"ip"}, "resourceClaimStatuses": {"name"}, "volumeHealth": {"name"}},
		"core.v1.PodVolumeHealth":                                                                 {"healthConditions": {"status", "reason"}},
		"core.v1.ReplicationControllerStatus":                                                     {"conditions": {"type"}},
		"core.v1.ResourceRequirements":                                                            {"claims": {"name"}},
		"core.v1.ResourceStatus":                                                                  {"resources": {"resourceID"}},
		"core.v1.ServiceAccount":                                                                  {"secrets": {"name"}},
		"core.v1.ServiceSpec":                                                                     {"ports": {"port", "protocol"}},
		"core.v1.ServiceStatus":                                                                   {"conditions": {"type"}},
		"core.v1.VolumeHealthStatus":                                                              {"healthConditions": {"status", "reason"}},
		"core.v1.VolumeMount":                                                                     {"bindMountOptions": {}},
		"discovery.v1.Endpoint":                                                                   {"addresses": {}},
		"flowcontrol.v1.FlowSchemaStatus":                                                         {"conditions": {"type"}},
		"flowcontrol.v1.NonResourcePolicyRule":                                                    {"nonResourceURLs": {}, "verbs": {}},
		"flowcontrol.v1.PriorityLevelConfigurationStatus":                                         {"conditions": {"type"}},
		"flowcontrol.v1.ResourcePolicyRule":                                                       {"apiGroups": {}, "namespaces": {}, "resources": {}, "verbs": {}},
		"meta.v1.ObjectMeta":                                                                      {"finalizers": {}, "ownerReferences": {"uid"}},
		"networking.v1.ServiceCIDRStatus":                                                         {"conditions": {"type"}},
		"policy.v1.PodDisruptionBudgetStatus":                                                     {"conditions": {"type"}},
		"resource.v1.AllocatedDeviceStatus":                                                       {"conditions": {"type"}},
		"resource.v1.DeviceRequestAllocationResult":                                               {"skipNodeOperations": {}},
		"resource.v1.DeviceTaintRuleStatus":                                                       {"conditions": {"type"}},
		"resource.v1.ResourceClaimStatus":                                                         {"devices": {"driver", "device", "pool", "shareID"}, "reservedFor": {"uid"}},
		"resource.v1.ResourceSliceSpec":                                                           {"skipNodeOperations": {}},
		"storage.v1.CSIDriverSpec":                                                                {"volumeLifecycleModes": {}},
		"storage.v1.CSINodeSpec":                                                                  {"drivers": {"name"}},
		"storage.v1.CSINodeStatus":                                                                {"storageHealth": {"name"}},
		"storagemigration.v1.StorageVersionMigrationStatus":                                       {"conditions": {"type"}},
	}
}

// atomicStructs are the types that have one owner as a whole.
func atomicStructs() map[string]bool {
	return map[string]bool{
		"admissionregistration.v1.MatchResources":          true,
		"admissionregistration.v1.NamedRuleWithOperations": true,
		"admissionregistration.v1.ParamKind":               true,
		"admissionregistration.v1.ParamRef":                true,
		"admissionregistration.v1.Variable":                true,
		"autoscaling.v1.CrossVersionObjectReference":       true,
		"core.v1.ConfigMapKeySelector":                     true,
		"core.v1.EndpointAddress":                          true,
		"core.v1.EndpointPort":                             true,
		"core.v1.EvictionResponder":                        true,
		"core.v1.FileKeySelector":                          true,
		"core.v1.LocalObjectReference":                     true,
		"core.v1.NodeSelector":                             true,
		"core.v1.NodeSelectorTerm":                         true,
		"core.v1.ObjectFieldSelector":                      true,
		"core.v1.ObjectReference":                          true,
		"core.v1.ResourceFieldSelector":                    true,
		"core.v1.ScopeSelector":                            true,
		"core.v1.SecretKeySelector":                        true,
		"core.v1.SecretReference":                          true,
		"core.v1.TopologySelectorTerm":                     true,
		"core.v1.TypedLocalObjectReference":                true,
		"discovery.v1.EndpointPort":                        true,
		"meta.v1.LabelSelector":                            true,
		"meta.v1.OwnerReference":                           true,
		"networking.v1.ServiceBackendPort":                 true,
		"rbac.v1.RoleRef":                                  true,
		"rbac.v1.Subject":                                  true,
	}
}

// atomicMaps are the fields whose map has one owner as a whole.
func atomicMaps() map[string]string {
	return map[string]string{
		"core.v1.PodSpec": "nodeSelector", "core.v1.ReplicationControllerSpec": "selector",
		"core.v1.ServiceSpec": "selector", "node.v1.Scheduling": "nodeSelector",
	}
}

// separableFields are fields of an atomic type that is not atomic there.
func separableFields() map[string]string {
	return map[string]string{"core.v1.PersistentVolumeSpec": "claimRef"}
}

// keyDefaults are the values of key fields that a client may leave out.
func keyDefaults() map[string]map[string]any {
	return map[string]map[string]any{
		"core.v1.ContainerPort": {"protocol": "TCP"},
		"core.v1.ServicePort":   {"protocol": "TCP"},
	}
}
