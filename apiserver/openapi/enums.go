package openapi

import (
	"reflect"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	batchv1 "k8s.io/api/batch/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	resourcev1 "k8s.io/api/resource/v1"
	storagev1 "k8s.io/api/storage/v1"
)

// enums returns the values of those types that have no others, as their
// constants in k8s.io/api name them.
func enums() map[reflect.Type][]string {
	all := map[reflect.Type][]string{}
	enum(all, admissionregistrationv1.AllScopes, admissionregistrationv1.ClusterScope, admissionregistrationv1.NamespacedScope)
	enum(all, admissionregistrationv1.Fail, admissionregistrationv1.Ignore)
	enum(all, admissionregistrationv1.Equivalent, admissionregistrationv1.Exact)
	enum(all,
		admissionregistrationv1.SideEffectClassNone, admissionregistrationv1.SideEffectClassNoneOnDryRun,
		admissionregistrationv1.SideEffectClassSome, admissionregistrationv1.SideEffectClassUnknown)
	enum(all, admissionregistrationv1.Audit, admissionregistrationv1.Deny, admissionregistrationv1.Warn)
	enum(all, admissionregistrationv1.PatchTypeApplyConfiguration, admissionregistrationv1.PatchTypeJSONPatch)
	enum(all, admissionregistrationv1.IfNeededReinvocationPolicy, admissionregistrationv1.NeverReinvocationPolicy)
	enum(all,
		admissionregistrationv1.OperationAll, admissionregistrationv1.Connect, admissionregistrationv1.Create,
		admissionregistrationv1.Delete, admissionregistrationv1.Update)
	enum(all, appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement)
	enum(all,
		appsv1.OnDeleteStatefulSetStrategyType, appsv1.RecreateStatefulSetStrategyType,
		appsv1.RollingUpdateStatefulSetStrategyType)
	enum(all, appsv1.RecreateDeploymentStrategyType, appsv1.RollingUpdateDeploymentStrategyType)
	enum(all, appsv1.OnDeleteDaemonSetStrategyType, appsv1.RollingUpdateDaemonSetStrategyType)
	enum(all,
		autoscalingv1.ContainerResourceMetricSourceType, autoscalingv1.ExternalMetricSourceType,
		autoscalingv1.ObjectMetricSourceType, autoscalingv1.PodsMetricSourceType,
		autoscalingv1.ResourceMetricSourceType)
	enum(all, batchv1.IndexedCompletion, batchv1.NonIndexedCompletion)
	enum(all,
		batchv1.PodFailurePolicyActionCount, batchv1.PodFailurePolicyActionFailIndex,
		batchv1.PodFailurePolicyActionFailJob, batchv1.PodFailurePolicyActionIgnore)
	enum(all, batchv1.PodFailurePolicyOnExitCodesOpIn, batchv1.PodFailurePolicyOnExitCodesOpNotIn)
	enum(all, batchv1.Failed, batchv1.TerminatingOrFailed)
	enum(all, batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent)
	enum(all,
		certificatesv1.UsageAny, certificatesv1.UsageCertSign, certificatesv1.UsageClientAuth,
		certificatesv1.UsageCodeSigning, certificatesv1.UsageContentCommitment, certificatesv1.UsageCRLSign,
		certificatesv1.UsageDataEncipherment, certificatesv1.UsageDecipherOnly, certificatesv1.UsageDigitalSignature,
		certificatesv1.UsageEmailProtection, certificatesv1.UsageEncipherOnly, certificatesv1.UsageIPsecEndSystem,
		certificatesv1.UsageIPsecTunnel, certificatesv1.UsageIPsecUser, certificatesv1.UsageKeyAgreement,
		certificatesv1.UsageKeyEncipherment, certificatesv1.UsageMicrosoftSGC, certificatesv1.UsageNetscapeSGC,
		certificatesv1.UsageOCSPSigning, certificatesv1.UsageSMIME, certificatesv1.UsageServerAuth,
		certificatesv1.UsageSigning, certificatesv1.UsageTimestamping)
	enum(all, corev1.PersistentVolumeReclaimDelete, corev1.PersistentVolumeReclaimRecycle, corev1.PersistentVolumeReclaimRetain)
	enum(all, corev1.PersistentVolumeBlock, corev1.PersistentVolumeFilesystem)
	enum(all,
		corev1.PersistentVolumeClaimControllerResizeInProgress,
		corev1.PersistentVolumeClaimControllerResizeInfeasible, corev1.PersistentVolumeClaimNodeResizeInProgress,
		corev1.PersistentVolumeClaimNodeResizeInfeasible, corev1.PersistentVolumeClaimNodeResizePending)
	enum(all,
		corev1.PersistentVolumeClaimModifyVolumeInProgress, corev1.PersistentVolumeClaimModifyVolumeInfeasible,
		corev1.PersistentVolumeClaimModifyVolumePending)
	enum(all, corev1.VolumeHealthDataLoss, corev1.VolumeHealthDegraded, corev1.VolumeHealthInaccessible)
	enum(all, corev1.ReadOnlyMany, corev1.ReadWriteMany, corev1.ReadWriteOnce, corev1.ReadWriteOncePod)
	enum(all, corev1.VolumeAvailable, corev1.VolumeBound, corev1.VolumeFailed, corev1.VolumePending, corev1.VolumeReleased)
	enum(all, corev1.ClaimBound, corev1.ClaimLost, corev1.ClaimPending)
	enum(all,
		corev1.HostPathUnset, corev1.HostPathBlockDev, corev1.HostPathCharDev, corev1.HostPathDirectory,
		corev1.HostPathDirectoryOrCreate, corev1.HostPathFile, corev1.HostPathFileOrCreate, corev1.HostPathSocket)
	enum(all, corev1.ProtocolSCTP, corev1.ProtocolTCP, corev1.ProtocolUDP)
	enum(all, corev1.AzureDataDiskCachingNone, corev1.AzureDataDiskCachingReadOnly, corev1.AzureDataDiskCachingReadWrite)
	enum(all, corev1.AzureDedicatedBlobDisk, corev1.AzureManagedDisk, corev1.AzureSharedBlobDisk)
	enum(all, corev1.MountPropagationBidirectional, corev1.MountPropagationHostToContainer, corev1.MountPropagationNone)
	enum(all, corev1.HTTPProtocolHTTP1, corev1.HTTPProtocolHTTP2)
	enum(all, corev1.URISchemeHTTP, corev1.URISchemeHTTPS)
	enum(all, corev1.GRPCProbeModePlaintext, corev1.GRPCProbeModeTLS)
	enum(all, corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever)
	enum(all, corev1.PreemptNever, corev1.PreemptLowerPriority)
	enum(all, corev1.TerminationMessageFallbackToLogsOnError, corev1.TerminationMessageReadFile)
	enum(all, corev1.PodFailed, corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodUnknown)
	enum(all, corev1.RestartPolicyAlways, corev1.RestartPolicyNever, corev1.RestartPolicyOnFailure)
	enum(all, corev1.DNSClusterFirst, corev1.DNSClusterFirstWithHostNet, corev1.DNSDefault, corev1.DNSNone)
	enum(all,
		corev1.NodeSelectorOpDoesNotExist, corev1.NodeSelectorOpExists, corev1.NodeSelectorOpGt,
		corev1.NodeSelectorOpIn, corev1.NodeSelectorOpLt, corev1.NodeSelectorOpNotIn)
	enum(all, corev1.TaintEffectNoExecute, corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule)
	enum(all, corev1.TolerationOpEqual, corev1.TolerationOpExists, corev1.TolerationOpGt, corev1.TolerationOpLt)
	enum(all, corev1.DoNotSchedule, corev1.ScheduleAnyway)
	enum(all, corev1.NodeInclusionPolicyHonor, corev1.NodeInclusionPolicyIgnore)
	enum(all, corev1.FSGroupChangeAlways, corev1.FSGroupChangeOnRootMismatch)
	enum(all, corev1.SupplementalGroupsPolicyMerge, corev1.SupplementalGroupsPolicyStrict)
	enum(all, corev1.SeccompProfileTypeLocalhost, corev1.SeccompProfileTypeRuntimeDefault, corev1.SeccompProfileTypeUnconfined)
	enum(all, corev1.AppArmorProfileTypeLocalhost, corev1.AppArmorProfileTypeRuntimeDefault, corev1.AppArmorProfileTypeUnconfined)
	enum(all, corev1.PodQOSBestEffort, corev1.PodQOSBurstable, corev1.PodQOSGuaranteed)
	enum(all, corev1.ServiceAffinityClientIP, corev1.ServiceAffinityNone)
	enum(all,
		corev1.ServiceTypeClusterIP, corev1.ServiceTypeExternalName, corev1.ServiceTypeLoadBalancer,
		corev1.ServiceTypeNodePort)
	enum(all, corev1.ServiceInternalTrafficPolicyCluster, corev1.ServiceInternalTrafficPolicyLocal)
	enum(all, corev1.ServiceExternalTrafficPolicyCluster, corev1.ServiceExternalTrafficPolicyLocal)
	enum(all, corev1.IPFamilyUnknown, corev1.IPv4Protocol, corev1.IPv6Protocol)
	enum(all, corev1.IPFamilyPolicyPreferDualStack, corev1.IPFamilyPolicyRequireDualStack, corev1.IPFamilyPolicySingleStack)
	enum(all, corev1.NodePending, corev1.NodeRunning, corev1.NodeTerminated)
	enum(all, corev1.NamespaceActive, corev1.NamespaceTerminating)
	enum(all,
		corev1.ResourceQuotaScopeBestEffort, corev1.ResourceQuotaScopeCrossNamespacePodAffinity,
		corev1.ResourceQuotaScopeNotBestEffort, corev1.ResourceQuotaScopeNotTerminating,
		corev1.ResourceQuotaScopePriorityClass, corev1.ResourceQuotaScopeTerminating,
		corev1.ResourceQuotaScopeVolumeAttributesClass)
	enum(all,
		corev1.ScopeSelectorOpDoesNotExist, corev1.ScopeSelectorOpExists, corev1.ScopeSelectorOpIn,
		corev1.ScopeSelectorOpNotIn)
	enum(all, corev1.DefaultProcMount, corev1.UnmaskedProcMount)
	enum(all, networkingv1.PolicyTypeEgress, networkingv1.PolicyTypeIngress)
	enum(all, policyv1.AlwaysAllow, policyv1.IfHealthyBudget)
	enum(all,
		resourcev1.SkipNodeOperationAll, resourcev1.SkipNodeOperationNodePrepareResources,
		resourcev1.SkipNodeOperationNodeUnprepareResources)
	enum(all, resourcev1.DeviceTaintEffectNoExecute, resourcev1.DeviceTaintEffectNoSchedule, resourcev1.DeviceTaintEffectNone)
	enum(all, resourcev1.DeviceTolerationOpEqual, resourcev1.DeviceTolerationOpExists)
	enum(all, resourcev1.AllocationConfigSourceClaim, resourcev1.AllocationConfigSourceClass)
	enum(all, storagev1.VolumeBindingImmediate, storagev1.VolumeBindingWaitForFirstConsumer)
	enum(all, storagev1.StorageDegraded, storagev1.StorageUnreachable)
	enum(all, discoveryv1.AddressTypeFQDN, discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6)
	enum(all, networkingv1.PathTypeExact, networkingv1.PathTypeImplementationSpecific, networkingv1.PathTypePrefix)
	enum(all, resourcev1.DeviceAllocationModeAll, resourcev1.DeviceAllocationModeExactCount)
	enum(all, signals()...)
	return all
}

// enum notes the values of a type, in order.
func enum[T ~string](all map[reflect.Type][]string, values ...T) {
	for _, value := range values {
		all[reflect.TypeFor[T]()] = append(all[reflect.TypeFor[T]()], string(value))
	}
}

// signals are what can be sent to a container.
func signals() []corev1.Signal {
	return []corev1.Signal{
		corev1.SIGABRT, corev1.SIGALRM, corev1.SIGBUS, corev1.SIGCHLD, corev1.SIGCLD, corev1.SIGCONT, corev1.SIGFPE,
		corev1.SIGHUP, corev1.SIGILL, corev1.SIGINT, corev1.SIGIO, corev1.SIGIOT, corev1.SIGKILL, corev1.SIGPIPE,
		corev1.SIGPOLL, corev1.SIGPROF, corev1.SIGPWR, corev1.SIGQUIT, corev1.SIGRTMAX, corev1.SIGRTMAXMINUS1,
		corev1.SIGRTMAXMINUS10, corev1.SIGRTMAXMINUS11, corev1.SIGRTMAXMINUS12, corev1.SIGRTMAXMINUS13,
		corev1.SIGRTMAXMINUS14, corev1.SIGRTMAXMINUS2, corev1.SIGRTMAXMINUS3, corev1.SIGRTMAXMINUS4,
		corev1.SIGRTMAXMINUS5, corev1.SIGRTMAXMINUS6, corev1.SIGRTMAXMINUS7, corev1.SIGRTMAXMINUS8,
		corev1.SIGRTMAXMINUS9, corev1.SIGRTMIN, corev1.SIGRTMINPLUS1, corev1.SIGRTMINPLUS10, corev1.SIGRTMINPLUS11,
		corev1.SIGRTMINPLUS12, corev1.SIGRTMINPLUS13, corev1.SIGRTMINPLUS14, corev1.SIGRTMINPLUS15,
		corev1.SIGRTMINPLUS2, corev1.SIGRTMINPLUS3, corev1.SIGRTMINPLUS4, corev1.SIGRTMINPLUS5, corev1.SIGRTMINPLUS6,
		corev1.SIGRTMINPLUS7, corev1.SIGRTMINPLUS8, corev1.SIGRTMINPLUS9, corev1.SIGSEGV, corev1.SIGSTKFLT,
		corev1.SIGSTOP, corev1.SIGSYS, corev1.SIGTERM, corev1.SIGTRAP, corev1.SIGTSTP, corev1.SIGTTIN,
		corev1.SIGTTOU, corev1.SIGURG, corev1.SIGUSR1, corev1.SIGUSR2, corev1.SIGVTALRM, corev1.SIGWINCH,
		corev1.SIGXCPU, corev1.SIGXFSZ,
	}
}
