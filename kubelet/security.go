package kubelet

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// What of /proc and /sys a container does not see, or may not write to, unless
// its procMount says so. See
// https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#proc-access.
var (
	maskedPaths = []string{
		"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys",
		"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
		"/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
	}
	readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

func namespaces(pod *corev1.Pod) *cri.NamespaceOption {
	options := &cri.NamespaceOption{Pid: cri.NamespaceMode_CONTAINER}
	if pod.Spec.HostNetwork {
		options.Network = cri.NamespaceMode_NODE
	}
	if pod.Spec.HostIPC {
		options.Ipc = cri.NamespaceMode_NODE
	}
	switch {
	case pod.Spec.HostPID:
		options.Pid = cri.NamespaceMode_NODE
	case pod.Spec.ShareProcessNamespace != nil && *pod.Spec.ShareProcessNamespace:
		options.Pid = cri.NamespaceMode_POD
	}
	return options
}

func sandboxSecurity(pod *corev1.Pod) *cri.LinuxSandboxSecurityContext {
	out := &cri.LinuxSandboxSecurityContext{NamespaceOptions: namespaces(pod)}
	for i := range pod.Spec.Containers {
		sc := pod.Spec.Containers[i].SecurityContext
		out.Privileged = out.Privileged || sc != nil && isTrue(sc.Privileged)
	}
	sc := pod.Spec.SecurityContext
	if sc == nil {
		sc = &corev1.PodSecurityContext{}
	}
	out.RunAsUser, out.RunAsGroup = int64Value(sc.RunAsUser), int64Value(sc.RunAsGroup)
	if out.RunAsUser == nil {
		out.RunAsGroup = nil // CRI: a group needs a user
	}
	out.SupplementalGroups = groups(pod)
	out.Seccomp = seccomp(sc.SeccompProfile)
	out.SelinuxOptions = selinux(sc.SELinuxOptions)
	return out
}

// securityContext merges what the pod and the container say; the container wins.
func securityContext(pod *corev1.Pod, c *corev1.Container) corev1.SecurityContext {
	var out corev1.SecurityContext
	if c.SecurityContext != nil {
		out = *c.SecurityContext.DeepCopy()
	}
	if sc := pod.Spec.SecurityContext; sc != nil {
		orDefault(&out.RunAsUser, sc.RunAsUser)
		orDefault(&out.RunAsGroup, sc.RunAsGroup)
		orDefault(&out.RunAsNonRoot, sc.RunAsNonRoot)
		orDefault(&out.SeccompProfile, sc.SeccompProfile)
		orDefault(&out.AppArmorProfile, sc.AppArmorProfile)
		orDefault(&out.SELinuxOptions, sc.SELinuxOptions)
	}
	return out
}

func containerSecurity(pod *corev1.Pod, c *corev1.Container, image *cri.Image) (*cri.LinuxContainerSecurityContext, error) {
	sc := securityContext(pod, c)
	if err := checkNonRoot(sc, image); err != nil {
		return nil, err
	}
	out := &cri.LinuxContainerSecurityContext{
		NamespaceOptions:   namespaces(pod),
		Privileged:         isTrue(sc.Privileged),
		ReadonlyRootfs:     isTrue(sc.ReadOnlyRootFilesystem),
		NoNewPrivs:         sc.AllowPrivilegeEscalation != nil && !*sc.AllowPrivilegeEscalation,
		RunAsUser:          int64Value(sc.RunAsUser),
		RunAsGroup:         int64Value(sc.RunAsGroup),
		SupplementalGroups: groups(pod),
		Seccomp:            seccomp(sc.SeccompProfile),
		Apparmor:           apparmor(sc.AppArmorProfile),
		SelinuxOptions:     selinux(sc.SELinuxOptions),
	}
	if out.RunAsUser == nil { // the image's user
		out.RunAsUser, out.RunAsUsername = image.GetUid(), image.GetUsername()
	}
	if caps := sc.Capabilities; caps != nil {
		out.Capabilities = &cri.Capability{AddCapabilities: words(caps.Add), DropCapabilities: words(caps.Drop)}
	}
	unmasked := sc.ProcMount != nil && *sc.ProcMount == corev1.UnmaskedProcMount
	if !unmasked && !out.Privileged {
		out.MaskedPaths, out.ReadonlyPaths = maskedPaths, readonlyPaths
	}
	return out, nil
}

// checkNonRoot holds runAsNonRoot against the user the container will run as.
func checkNonRoot(sc corev1.SecurityContext, image *cri.Image) error {
	if !isTrue(sc.RunAsNonRoot) {
		return nil
	}
	switch {
	case sc.RunAsUser != nil && *sc.RunAsUser == 0:
		return errors.New("container's runAsUser breaks non-root policy")
	case sc.RunAsUser != nil:
		return nil
	case image.GetUsername() != "":
		return fmt.Errorf("container has runAsNonRoot and image has non-numeric user (%s), cannot verify user is non-root", image.Username)
	case image.GetUid().GetValue() == 0:
		return errors.New("container has runAsNonRoot and image will run as root")
	}
	return nil
}

func groups(pod *corev1.Pod) []int64 {
	sc := pod.Spec.SecurityContext
	if sc == nil {
		return nil
	}
	var list []int64
	if sc.FSGroup != nil {
		list = append(list, *sc.FSGroup)
	}
	return append(list, sc.SupplementalGroups...)
}

func seccomp(p *corev1.SeccompProfile) *cri.SecurityProfile {
	out := &cri.SecurityProfile{ProfileType: cri.SecurityProfile_Unconfined}
	switch {
	case p == nil:
	case p.Type == corev1.SeccompProfileTypeRuntimeDefault:
		out.ProfileType = cri.SecurityProfile_RuntimeDefault
	case p.Type == corev1.SeccompProfileTypeLocalhost && p.LocalhostProfile != nil:
		out.ProfileType, out.LocalhostRef = cri.SecurityProfile_Localhost, *p.LocalhostProfile
	}
	return out
}

func apparmor(p *corev1.AppArmorProfile) *cri.SecurityProfile {
	if p == nil {
		return nil
	}
	out := &cri.SecurityProfile{ProfileType: cri.SecurityProfile_Unconfined}
	switch {
	case p.Type == corev1.AppArmorProfileTypeRuntimeDefault:
		out.ProfileType = cri.SecurityProfile_RuntimeDefault
	case p.Type == corev1.AppArmorProfileTypeLocalhost && p.LocalhostProfile != nil:
		out.ProfileType, out.LocalhostRef = cri.SecurityProfile_Localhost, *p.LocalhostProfile
	}
	return out
}

func selinux(o *corev1.SELinuxOptions) *cri.SELinuxOption {
	if o == nil {
		return nil
	}
	return &cri.SELinuxOption{User: o.User, Role: o.Role, Type: o.Type, Level: o.Level}
}

func isTrue(b *bool) bool { return b != nil && *b }

func int64Value(n *int64) *cri.Int64Value {
	if n == nil {
		return nil
	}
	return &cri.Int64Value{Value: *n}
}

func words(list []corev1.Capability) []string {
	var out []string
	for _, c := range list {
		out = append(out, string(c))
	}
	return out
}
