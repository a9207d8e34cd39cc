package kinds

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkContainer judges what all containers have in common.
func checkContainer(j *judge, c *corev1.Container, volumes volumeSet, path *field.Path) {
	if j.filled(path.Child("name"), c.Name) {
		j.label(path.Child("name"), c.Name)
	}
	j.filled(path.Child("image"), c.Image)
	oneOf(j, path.Child("terminationMessagePolicy"), c.TerminationMessagePolicy,
		corev1.TerminationMessageReadFile, corev1.TerminationMessageFallbackToLogsOnError)
	checkContainerPorts(j, c.Ports, path.Child("ports"))
	checkEnv(j, c.Env, path.Child("env"))
	checkEnvFrom(j, c.EnvFrom, path.Child("envFrom"))
	checkMounts(j, c, volumes, path.Child("volumeMounts"))
	oneOf(j, path.Child("imagePullPolicy"), c.ImagePullPolicy,
		corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever)
	checkDevices(j, c, volumes, path.Child("volumeDevices"))
	checkResources(j, &c.Resources, path.Child("resources"))
	checkSecurityContext(j, c.SecurityContext, path.Child("securityContext"))
	j.unsupported(path.Child("restartPolicyRules"), len(c.RestartPolicyRules) > 0)
}

// checkInitContainer judges a container that runs before the others: to its
// end or, with restartPolicy Always, beside them as a sidecar (KEP-753).
func checkInitContainer(j *judge, c *corev1.Container, spec *corev1.PodSpec, path *field.Path) {
	if c.RestartPolicy != nil {
		supported(j, path.Child("restartPolicy"), *c.RestartPolicy, corev1.ContainerRestartPolicyAlways)
		if *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			checkContainerRuns(j, c, spec, path)
			return
		}
	}
	j.none(path, "may not be set for init containers without restartPolicy=Always", map[string]bool{
		"lifecycle":      c.Lifecycle != nil,
		"livenessProbe":  c.LivenessProbe != nil,
		"readinessProbe": c.ReadinessProbe != nil,
		"startupProbe":   c.StartupProbe != nil,
	})
}

func checkContainerPorts(j *judge, ports []corev1.ContainerPort, path *field.Path) {
	names := nameSet{}
	for i, port := range ports {
		path := path.Index(i)
		if port.Name != "" {
			if messages := validation.IsValidPortName(port.Name); len(messages) > 0 {
				j.invalid(path.Child("name"), port.Name, messages...)
			} else {
				names.unique(j, path.Child("name"), port.Name)
			}
		}
		if port.ContainerPort == 0 {
			j.required(path.Child("containerPort"), "")
		} else {
			j.port(path.Child("containerPort"), port.ContainerPort)
		}
		if port.HostPort != 0 {
			j.port(path.Child("hostPort"), port.HostPort)
		}
		oneOf(j, path.Child("protocol"), port.Protocol, protocols()...)
	}
}

// checkHostPorts finds containers that want the same port of the host.
func checkHostPorts(j *judge, containers []corev1.Container, path *field.Path) {
	taken := nameSet{}
	for i, c := range containers {
		for k, port := range c.Ports {
			if port.HostPort == 0 {
				continue
			}
			id := fmt.Sprintf("%s/%s/%d", port.Protocol, port.HostIP, port.HostPort)
			taken.unique(j, path.Index(i).Child("ports").Index(k).Child("hostPort"), id)
		}
	}
}

// checkMounts sees that each mount has its volume and a place of its own.
func checkMounts(j *judge, c *corev1.Container, volumes volumeSet, all *field.Path) {
	places := map[string]bool{}
	for i, mount := range c.VolumeMounts {
		at := all.Index(i)
		j.filled(at.Child("name"), mount.Name)
		if !volumes.has(mount.Name) {
			j.notFound(at.Child("name"), mount.Name)
		}
		j.filled(at.Child("mountPath"), mount.MountPath)
		if places[mount.MountPath] {
			j.invalid(at.Child("mountPath"), mount.MountPath, "must be unique")
		}
		places[mount.MountPath] = true

		for _, device := range c.VolumeDevices {
			if device.Name == mount.Name {
				j.invalid(at.Child("name"), mount.Name, "must not already exist in volumeDevices")
			}
			if device.DevicePath == mount.MountPath {
				j.invalid(at.Child("mountPath"), mount.MountPath, "must not already exist as a path in volumeDevices")
			}
		}
		// Kubernetes does not say which mount it is.
		checkSubPath(j, mount, all, at)
		checkPropagation(j, mount, c, all, at)
	}
}

func checkSubPath(j *judge, mount corev1.VolumeMount, all, path *field.Path) {
	if mount.SubPath != "" {
		checkLocalPath(j, mount.SubPath, all.Child("subPath"))
	}
	if mount.SubPathExpr != "" {
		if mount.SubPath != "" {
			j.invalid(path.Child("subPathExpr"), mount.SubPathExpr, "subPathExpr and subPath are mutually exclusive")
		}
		checkLocalPath(j, mount.SubPathExpr, path.Child("subPathExpr"))
	}
}

// checkPropagation judges whether mounts below the volume are seen on the other
// side, and whether read-only holds for them too.
func checkPropagation(j *judge, mount corev1.VolumeMount, c *corev1.Container, all, path *field.Path) {
	if mode := mount.MountPropagation; mode != nil {
		path := all.Child("mountPropagation")
		supported(j, path, *mode, corev1.MountPropagationBidirectional,
			corev1.MountPropagationHostToContainer, corev1.MountPropagationNone)
		privileged := c.SecurityContext != nil && isTrue(c.SecurityContext.Privileged)
		if *mode == corev1.MountPropagationBidirectional && !privileged {
			j.forbidden(path, "Bidirectional mount propagation is available only to privileged containers")
		}
	}
	if mode := mount.RecursiveReadOnly; mode != nil && *mode != corev1.RecursiveReadOnlyDisabled {
		path := path.Child("recursiveReadOnly")
		supported(j, path, *mode, corev1.RecursiveReadOnlyDisabled,
			corev1.RecursiveReadOnlyEnabled, corev1.RecursiveReadOnlyIfPossible)
		if !mount.ReadOnly {
			j.forbidden(path, "may only be specified when readOnly is true")
		}
		if mount.MountPropagation != nil && *mount.MountPropagation != corev1.MountPropagationNone {
			j.forbidden(path, "may only be specified when mountPropagation is None or not specified")
		}
	}
	j.unsupported(path.Child("bindMountOptions"), len(mount.BindMountOptions) > 0)
}

func checkDevices(j *judge, c *corev1.Container, volumes volumeSet, path *field.Path) {
	names, places := map[string]bool{}, map[string]bool{}
	for i, device := range c.VolumeDevices {
		path := path.Index(i)
		name, place := path.Child("name"), path.Child("devicePath")
		if j.filled(name, device.Name) {
			if names[device.Name] {
				j.invalid(name, device.Name, "must be unique")
			}
			for _, mount := range c.VolumeMounts {
				if mount.Name == device.Name {
					j.invalid(name, device.Name, "must not already exist in volumeMounts")
				}
			}
			volume, found := volumes[device.Name]
			switch {
			case !found:
				j.notFound(name, device.Name)
			case volume.PersistentVolumeClaim == nil && volume.Ephemeral == nil:
				j.invalid(name, device.Name, "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode")
			}
		}
		if j.filled(place, device.DevicePath) {
			if places[device.DevicePath] {
				j.invalid(place, device.DevicePath, "must be unique")
			}
			if slices.Contains(strings.Split(device.DevicePath, "/"), "..") {
				j.invalid(place, device.DevicePath, "can not contain backsteps ('..')")
			}
		}
		names[device.Name], places[device.DevicePath] = true, true
	}
}

// checkLocalPath judges a path below another: it must not lead out of it.
func checkLocalPath(j *judge, p string, at *field.Path) {
	if path.IsAbs(p) {
		j.invalid(at, p, "must be a relative path")
	}
	checkNoBacksteps(j, p, at)
}

func checkNoBacksteps(j *judge, p string, at *field.Path) {
	if slices.Contains(strings.Split(p, "/"), "..") {
		j.invalid(at, p, "must not contain '..'")
	}
}

func isTrue(b *bool) bool { return b != nil && *b }
