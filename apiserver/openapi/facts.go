package openapi

import "strings"

// What the reference of the API says of a field and its Go type does not, since
// only comments there do. The rule is that a field is required if it is always
// written, and that its default then is its zero value. Here are the
// exceptions, with types named as in OpenAPI, less what all begin with.

// optionalFields may be left out although they are always written.
func optionalFields() map[string][]string {
	return map[string][]string{
		"apps.v1.ControllerRevision":                       {"revision"},
		"apps.v1.DaemonSetCondition":                       {"status", "type"},
		"apps.v1.DeploymentCondition":                      {"status", "type"},
		"apps.v1.ReplicaSetCondition":                      {"status", "type"},
		"apps.v1.StatefulSetCondition":                     {"status", "type"},
		"apps.v1.StatefulSetOrdinals":                      {"start"},
		"apps.v1.StatefulSetSpec":                          {"serviceName"},
		"apps.v1.StatefulSetStatus":                        {"availableReplicas"},
		"authentication.v1.TokenRequest":                   {"spec"},
		"authentication.v1.TokenRequestSpec":               {"audiences", "boundObjectRef", "expirationSeconds"},
		"authentication.v1.TokenRequestStatus":             {"expirationTimestamp", "token"},
		"autoscaling.v2.HorizontalPodAutoscalerStatus":     {"currentMetrics"},
		"batch.v1.PodFailurePolicyOnPodConditionsPattern":  {"status"},
		"core.v1.AzureFilePersistentVolumeSource":          {"secretNamespace"},
		"core.v1.ContainerImage":                           {"names"},
		"core.v1.Event":                                    {"reportingComponent", "reportingInstance"},
		"core.v1.GRPCAction":                               {"service"},
		"core.v1.NodeRuntimeHandler":                       {"name"},
		"core.v1.ProjectedVolumeSource":                    {"sources"},
		"core.v1.TypedLocalObjectReference":                {"apiGroup"},
		"core.v1.TypedObjectReference":                     {"apiGroup"},
		"discovery.v1.EndpointSlice":                       {"endpoints", "ports"},
		"events.v1.Event":                                  {"metadata"},
		"flowcontrol.v1.FlowSchemaSpec":                    {"matchingPrecedence"},
		"flowcontrol.v1.LimitedPriorityLevelConfiguration": {"nominalConcurrencyShares"},
		"flowcontrol.v1.QueuingConfiguration":              {"handSize", "queueLengthLimit", "queues"},
		"flowcontrol.v1.ResourcePolicyRule":                {"namespaces"},
		"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus": {"acceptedNames", "conditions", "storedVersions"},
		"networking.v1.IngressClassParametersReference":                                           {"scope"},
		"networking.v1.NetworkPolicySpec":                                                         {"podSelector"},
		"policy.v1.PodDisruptionBudgetStatus":                                                     {"currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"},
		"rbac.v1.ClusterRole":                                                                     {"rules"},
		"rbac.v1.Role":                                                                            {"rules"},
		"rbac.v1.RoleRef":                                                                         {"apiGroup"},
		"scheduling.v1.PriorityClass":                                                             {"value"},
		"storage.v1.CSINodeDriver":                                                                {"topologyKeys"},
	}
}

// requiredFields may not be left out although they are not always written.
func requiredFields() map[string][]string {
	return map[string][]string{
		"admissionregistration.v1.ValidatingAdmissionPolicyBinding":     {"spec"},
		"admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec": {"policyName", "validationActions"},
		"apps.v1.DaemonSet":                                  {"spec"},
		"apps.v1.Deployment":                                 {"spec"},
		"apps.v1.ReplicaSet":                                 {"spec"},
		"apps.v1.StatefulSet":                                {"spec"},
		"authentication.v1.TokenReviewSpec":                  {"token"},
		"autoscaling.v1.HorizontalPodAutoscaler":             {"spec"},
		"autoscaling.v2.HorizontalPodAutoscaler":             {"spec"},
		"batch.v1.CronJob":                                   {"spec"},
		"core.v1.ContainerRestartRule":                       {"action"},
		"core.v1.ContainerRestartRuleOnExitCodes":            {"operator"},
		"core.v1.ImageVolumeStatus":                          {"imageRef"},
		"core.v1.PodCertificateProjection":                   {"keyType", "signerName"},
		"flowcontrol.v1.FlowSchema":                          {"spec"},
		"flowcontrol.v1.FlowSchemaCondition":                 {"type"},
		"flowcontrol.v1.LimitedPriorityLevelConfiguration":   {"limitResponse"},
		"flowcontrol.v1.PriorityLevelConfiguration":          {"spec"},
		"flowcontrol.v1.PriorityLevelConfigurationCondition": {"type"},
		"networking.v1.IPAddress":                            {"spec"},
		"networking.v1.IPAddressSpec":                        {"parentRef"},
		"networking.v1.ParentReference":                      {"name", "resource"},
	}
}

// defaults are the values of fields that are left out, where the rule does not
// give them.
func defaults() map[string]map[string]any {
	return map[string]map[string]any{
		"autoscaling.v1.ScaleSpec":                  {"replicas": 0},
		"certificates.v1.PodCertificateRequestSpec": {"maxExpirationSeconds": 86400},
		"core.v1.AzureDiskVolumeSource":             {"cachingMode": "ReadWrite", "fsType": "ext4", "kind": "Shared", "readOnly": false},
		"core.v1.ConfigMapEnvSource":                {"name": ""},
		"core.v1.ConfigMapKeySelector":              {"name": ""},
		"core.v1.ConfigMapProjection":               {"name": ""},
		"core.v1.ConfigMapVolumeSource":             {"name": ""},
		"core.v1.FileKeySelector":                   {"optional": false},
		"core.v1.GRPCAction":                        {"service": ""},
		"core.v1.ISCSIPersistentVolumeSource":       {"iscsiInterface": "default"},
		"core.v1.ISCSIVolumeSource":                 {"iscsiInterface": "default"},
		"core.v1.LocalObjectReference":              {"name": ""},
		"core.v1.RBDPersistentVolumeSource":         {"keyring": "/etc/ceph/keyring", "pool": "rbd", "user": "admin"},
		"core.v1.RBDVolumeSource":                   {"keyring": "/etc/ceph/keyring", "pool": "rbd", "user": "admin"},
		"core.v1.ReplicationControllerSpec":         {"minReadySeconds": 0, "replicas": 1},
		"core.v1.ScaleIOPersistentVolumeSource":     {"fsType": "xfs", "storageMode": "ThinProvisioned"},
		"core.v1.ScaleIOVolumeSource":               {"fsType": "xfs", "storageMode": "ThinProvisioned"},
		"core.v1.SecretEnvSource":                   {"name": ""},
		"core.v1.SecretKeySelector":                 {"name": ""},
		"core.v1.SecretProjection":                  {"name": ""},
	}
}

// shortName is a type's name in the tables.
func shortName(name string) string { return strings.TrimPrefix(name, "io.k8s.api.") }
