package kinds

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func checkPodSecurity(j *judge, spec *corev1.PodSpec, path *field.Path) {
	if isTrue(spec.ShareProcessNamespace) && spec.HostPID {
		j.invalid(path.Child("shareProcessNamespace"), true, "ShareProcessNamespace and HostPID cannot both be enabled")
	}
	if spec.HostUsers != nil && !*spec.HostUsers {
		j.none(path, "when `hostUsers` is false", map[string]bool{
			"hostNetwork": spec.HostNetwork, "HostPID": spec.HostPID, "HostIPC": spec.HostIPC,
		})
	}
	sc := spec.SecurityContext
	if sc == nil {
		return
	}
	path = path.Child("securityContext")
	if sc.FSGroup != nil {
		j.invalid(path.Child("fsGroup"), *sc.FSGroup, validation.IsValidGroupID(*sc.FSGroup)...)
	}
	checkIDs(j, sc.RunAsUser, sc.RunAsGroup, path)
	for i, id := range sc.SupplementalGroups {
		j.invalid(path.Child("supplementalGroups").Index(i), id, validation.IsValidGroupID(id)...)
	}
	checkSysctls(j, sc.Sysctls, spec, path.Child("sysctls"))
	if sc.FSGroupChangePolicy != nil {
		supported(j, path.Child("fsGroupChangePolicy"), *sc.FSGroupChangePolicy, corev1.FSGroupChangeAlways, corev1.FSGroupChangeOnRootMismatch)
	}
	checkSeccomp(j, sc.SeccompProfile, path.Child("seccompProfile"))
	checkAppArmor(j, sc.AppArmorProfile, path.Child("appArmorProfile"))
	j.unsupported(path.Child("windowsOptions"), sc.WindowsOptions != nil)
	if sc.SupplementalGroupsPolicy != nil {
		supported(j, path.Child("supplementalGroupsPolicy"), *sc.SupplementalGroupsPolicy,
			corev1.SupplementalGroupsPolicyMerge, corev1.SupplementalGroupsPolicyStrict)
	}
}

// checkSecurityContext judges that of one container.
func checkSecurityContext(j *judge, sc *corev1.SecurityContext, path *field.Path) {
	if sc == nil {
		return
	}
	checkIDs(j, sc.RunAsUser, sc.RunAsGroup, path)
	if sc.ProcMount != nil {
		supported(j, path.Child("procMount"), *sc.ProcMount, corev1.DefaultProcMount, corev1.UnmaskedProcMount)
	}
	checkSeccomp(j, sc.SeccompProfile, path.Child("seccompProfile"))
	checkAppArmor(j, sc.AppArmorProfile, path.Child("appArmorProfile"))
	if sc.AllowPrivilegeEscalation != nil && !*sc.AllowPrivilegeEscalation {
		if isTrue(sc.Privileged) {
			j.invalid(path, sc, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
		}
		if sc.Capabilities != nil && slices.Contains(sc.Capabilities.Add, "CAP_SYS_ADMIN") {
			j.invalid(path, sc, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")
		}
	}
	j.unsupported(path.Child("windowsOptions"), sc.WindowsOptions != nil)
}

func checkIDs(j *judge, user, group *int64, path *field.Path) {
	if user != nil {
		j.invalid(path.Child("runAsUser"), *user, validation.IsValidUserID(*user)...)
	}
	if group != nil {
		j.invalid(path.Child("runAsGroup"), *group, validation.IsValidGroupID(*group)...)
	}
}

// maxSysctl is how many bytes the name of a sysctl can have.
const maxSysctl = 253

var sysctlName = sync.OnceValue(func() *regexp.Regexp {
	const segment = `[a-z0-9]([-_a-z0-9]*[a-z0-9])?`
	return regexp.MustCompile(`^(` + segment + `[\./])*` + segment + `$`)
})

func checkSysctls(j *judge, sysctls []corev1.Sysctl, spec *corev1.PodSpec, path *field.Path) {
	names := nameSet{}
	for i, s := range sysctls {
		path := path.Index(i).Child("name")
		if !j.filled(path, s.Name) {
			continue
		}
		if len(s.Name) > maxSysctl || !sysctlName().MatchString(s.Name) {
			j.invalid(path, s.Name, fmt.Sprintf("must have at most %d characters and match regex %s", maxSysctl, sysctlName()))
		}
		names.unique(j, path, s.Name)
		name := strings.ReplaceAll(s.Name, "/", ".")
		if spec.HostNetwork && strings.HasPrefix(name, "net.") {
			j.invalid(path, s.Name, "may not be specified when 'hostNetwork' is true")
		}
		ipc := strings.HasPrefix(name, "kernel.shm") || strings.HasPrefix(name, "kernel.msg") ||
			strings.HasPrefix(name, "fs.mqueue.") || name == "kernel.sem"
		if spec.HostIPC && ipc {
			j.invalid(path, s.Name, "may not be specified when 'hostIPC' is true")
		}
	}
}

func checkSeccomp(j *judge, p *corev1.SeccompProfile, at *field.Path) {
	if p == nil {
		return
	}
	if p.Type == "" {
		j.required(at.Child("type"), "type is required when seccompProfile is set")
	} else {
		supported(j, at.Child("type"), p.Type, corev1.SeccompProfileTypeLocalhost,
			corev1.SeccompProfileTypeRuntimeDefault, corev1.SeccompProfileTypeUnconfined)
	}
	local := at.Child("localhostProfile")
	switch {
	case p.Type != corev1.SeccompProfileTypeLocalhost && p.LocalhostProfile != nil:
		j.invalid(local, p, "can only be set when seccomp type is Localhost")
	case p.Type == corev1.SeccompProfileTypeLocalhost && p.LocalhostProfile == nil:
		j.required(local, "must be set when seccomp type is Localhost")
	case p.LocalhostProfile != nil:
		if path.IsAbs(*p.LocalhostProfile) {
			j.invalid(local, *p.LocalhostProfile, "must be a relative path")
		}
		checkNoBacksteps(j, *p.LocalhostProfile, local)
	}
}

func checkAppArmor(j *judge, p *corev1.AppArmorProfile, path *field.Path) {
	if p == nil {
		return
	}
	if p.Type == "" {
		j.required(path.Child("type"), "type is required when appArmorProfile is set")
	} else {
		supported(j, path.Child("type"), p.Type, corev1.AppArmorProfileTypeLocalhost,
			corev1.AppArmorProfileTypeRuntimeDefault, corev1.AppArmorProfileTypeUnconfined)
	}
	local := path.Child("localhostProfile")
	given := p.LocalhostProfile != nil
	switch {
	case p.Type == corev1.AppArmorProfileTypeLocalhost && (!given || strings.TrimSpace(*p.LocalhostProfile) == ""):
		j.required(local, "must be set when AppArmor type is Localhost")
	case p.Type == corev1.AppArmorProfileTypeLocalhost && *p.LocalhostProfile != strings.TrimSpace(*p.LocalhostProfile):
		j.invalid(local, *p.LocalhostProfile, "must not be padded with whitespace")
	case p.Type != corev1.AppArmorProfileTypeLocalhost && given:
		j.invalid(local, *p.LocalhostProfile, "can only be set when AppArmor type is Localhost")
	}
}
