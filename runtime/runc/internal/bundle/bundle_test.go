//go:build linux

package bundle_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/bundle"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// input is the simplest container, with changes.
func input(changes ...func(*bundle.Input)) bundle.Input {
	in := bundle.Input{
		Container: &cri.ContainerConfig{Command: []string{"/app"}, Linux: &cri.LinuxContainerConfig{
			Resources: &cri.LinuxContainerResources{}, SecurityContext: &cri.LinuxContainerSecurityContext{},
		}},
		Sandbox: &cri.PodSandboxConfig{Hostname: "pod"}, Rootfs: "/rootfs", CgroupPath: "/pods/c",
		Hostname: "/s/hostname", ResolvConf: "/s/resolv.conf", Shm: "/s/shm",
	}
	for _, change := range changes {
		change(&in)
	}
	return in
}

func spec(t *testing.T, changes ...func(*bundle.Input)) *specs.Spec {
	t.Helper()
	s, err := bundle.Spec(input(changes...))
	require.NoError(t, err)
	return s
}

// Example shows what becomes of a command, an environment and a limit.
func Example() {
	s, err := bundle.Spec(bundle.Input{
		Container: &cri.ContainerConfig{
			Args:  []string{"--verbose"},
			Envs:  []*cri.KeyValue{{Key: "COLOR", Value: []byte("green")}},
			Linux: &cri.LinuxContainerConfig{Resources: &cri.LinuxContainerResources{MemoryLimitInBytes: 64 << 20}},
		},
		Sandbox: &cri.PodSandboxConfig{Hostname: "pod"},
		Image:   v1.Config{Entrypoint: []string{"/app"}, Cmd: []string{"--quiet"}, Env: []string{"COLOR=red"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Process.Args, s.Process.Env[2], *s.Linux.Resources.Memory.Limit)
	// Output: [/app --verbose] COLOR=green 67108864
}

func TestSpec_args(t *testing.T) {
	for _, c := range []struct{ entrypoint, cmd, command, args, want []string }{
		{[]string{"e"}, []string{"c"}, nil, nil, []string{"e", "c"}},
		{[]string{"e"}, []string{"c"}, nil, []string{"a"}, []string{"e", "a"}},
		{[]string{"e"}, []string{"c"}, []string{"x"}, nil, []string{"x"}},
		{[]string{"e"}, []string{"c"}, []string{"x"}, []string{"a"}, []string{"x", "a"}},
		{nil, []string{"c"}, nil, nil, []string{"c"}},
	} {
		s := spec(t, func(in *bundle.Input) {
			in.Image = v1.Config{Entrypoint: c.entrypoint, Cmd: c.cmd}
			in.Container.Command, in.Container.Args = c.command, c.args
		})
		require.Equal(t, c.want, s.Process.Args)
	}
	_, err := bundle.Spec(input(func(in *bundle.Input) { in.Container.Command = nil }))
	require.ErrorIs(t, err, bundle.ErrInvalid)
	require.ErrorContains(t, err, "no command")
}

func TestSpec_mounts_in_order(t *testing.T) {
	dir := t.TempDir()
	s := spec(t, func(in *bundle.Input) {
		in.Container.Mounts = []*cri.Mount{
			{ContainerPath: "/a/b/c", HostPath: dir},
			{ContainerPath: "/a", HostPath: dir},
			{ContainerPath: "/etc/resolv.conf", HostPath: dir, Readonly: true, MountOptions: []string{"noexec"}},
		}
	})
	var order []string
	for _, m := range s.Mounts {
		order = append(order, m.Destination)
	}
	want := []string{"/proc", "/dev", "/sys", "/a", "/dev/pts", "/dev/mqueue", "/dev/shm", "/etc/hostname", "/etc/resolv.conf", "/sys/fs/cgroup", "/a/b/c"}
	require.Empty(t, cmp.Diff(want, order))
	at := slices.IndexFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == "/etc/resolv.conf" })
	require.Equal(t, []string{"rbind", "rprivate", "ro", "noexec"}, s.Mounts[at].Options)
}

func TestSpec_refuses(t *testing.T) {
	for name, change := range map[string]func(*bundle.Input){
		"seccomp without it": func(in *bundle.Input) {
			in.Container.Linux.SecurityContext.Seccomp = &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault}
		},
		"apparmor without it": func(in *bundle.Input) {
			in.Container.Linux.SecurityContext.Apparmor = &cri.SecurityProfile{ProfileType: cri.SecurityProfile_Localhost, LocalhostRef: "x"}
		},
		"user namespace": func(in *bundle.Input) {
			in.Container.Linux.SecurityContext.NamespaceOptions = &cri.NamespaceOption{UsernsOptions: &cri.UserNamespace{Mode: cri.NamespaceMode_POD}}
		},
		"cdi": func(in *bundle.Input) { in.Container.CDIDevices = []*cri.CDIDevice{{Name: "x"}} },
		"mapped ids": func(in *bundle.Input) {
			in.Container.Mounts = []*cri.Mount{{ContainerPath: "/a", HostPath: "/", UidMappings: []*cri.IDMapping{{}}}}
		},
		"unified on v1": func(in *bundle.Input) { in.Container.Linux.Resources.Unified = map[string]string{"pids.max": "5"} },
		"env not utf-8": func(in *bundle.Input) { in.Container.Envs = []*cri.KeyValue{{Key: "A", Value: []byte{0xff}}} },
	} {
		_, err := bundle.Spec(input(change))
		require.ErrorIs(t, err, bundle.ErrUnsupported, name)
	}
	for name, change := range map[string]func(*bundle.Input){
		"env name":     func(in *bundle.Input) { in.Container.Envs = []*cri.KeyValue{{Key: "A=B"}} },
		"relative cwd": func(in *bundle.Input) { in.Container.WorkingDir = "here" },
		"device": func(in *bundle.Input) {
			in.Container.Devices = []*cri.Device{{HostPath: "/etc/passwd", ContainerPath: "/dev/x", Permissions: "r"}}
		},
		"device rights": func(in *bundle.Input) {
			in.Container.Devices = []*cri.Device{{HostPath: "/dev/null", ContainerPath: "/dev/x", Permissions: "q"}}
		},
		"rro without ro": func(in *bundle.Input) {
			in.Container.Mounts = []*cri.Mount{{ContainerPath: "/a", HostPath: "/", RecursiveReadOnly: true}}
		},
		"missing profile": func(in *bundle.Input) {
			in.Host.Seccomp = true
			in.Container.Linux.SecurityContext.Seccomp = &cri.SecurityProfile{ProfileType: cri.SecurityProfile_Localhost, LocalhostRef: "/no/such"}
		},
	} {
		_, err := bundle.Spec(input(change))
		require.ErrorIs(t, err, bundle.ErrInvalid, name)
	}
}

func TestSpec_seccomp(t *testing.T) {
	runtimeDefault := func(in *bundle.Input) {
		in.Host.Seccomp = true
		in.Container.Linux.SecurityContext.Seccomp = &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault}
	}
	s := spec(t, runtimeDefault)
	require.Contains(t, s.Linux.Seccomp.Syscalls[0].Names, "mount")
	require.Contains(t, s.Linux.Seccomp.Syscalls[0].Names, "kexec_load")
	s = spec(t, runtimeDefault, func(in *bundle.Input) {
		in.Container.Linux.SecurityContext.Capabilities = &cri.Capability{AddCapabilities: []string{"SYS_ADMIN"}}
	})
	require.NotContains(t, s.Linux.Seccomp.Syscalls[0].Names, "mount", "who has the capability may use it")
	require.Contains(t, s.Linux.Seccomp.Syscalls[0].Names, "kexec_load")

	path := filepath.Join(t.TempDir(), "profile.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"defaultAction":"SCMP_ACT_KILL"}`), 0o600))
	s = spec(t, func(in *bundle.Input) {
		in.Host.Seccomp = true
		in.Container.Linux.SecurityContext.Seccomp = &cri.SecurityProfile{ProfileType: cri.SecurityProfile_Localhost, LocalhostRef: path}
	})
	require.Equal(t, specs.ActKill, s.Linux.Seccomp.DefaultAction)
	require.Nil(t, spec(t).Linux.Seccomp)
}

func TestResolveUser(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\nann:x:1000:100::/:/\nbad:x:many:0::/:/\n# odd line\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/group"), []byte("users:x:100:\nboats:x:500:bob,ann\n"), 0o600))
	number := func(n int64) *cri.Int64Value { return &cri.Int64Value{Value: n} }
	for _, c := range []struct {
		image    string
		security *cri.LinuxContainerSecurityContext
		want     bundle.User
	}{
		{"", nil, bundle.User{Groups: []uint32{}}},
		{"ann", nil, bundle.User{UID: 1000, GID: 100, Groups: []uint32{500}}},
		{"1000", nil, bundle.User{UID: 1000, GID: 100, Groups: []uint32{500}}},
		{"ann:boats", nil, bundle.User{UID: 1000, GID: 500, Groups: []uint32{500}}},
		{"7:8", nil, bundle.User{UID: 7, GID: 8, Groups: []uint32{}}},
		{"ann", &cri.LinuxContainerSecurityContext{RunAsUser: number(0)}, bundle.User{Groups: []uint32{}}},
		{"", &cri.LinuxContainerSecurityContext{RunAsUsername: "ann", RunAsGroup: number(9), SupplementalGroups: []int64{500, 600}},
			bundle.User{UID: 1000, GID: 9, Groups: []uint32{500, 600}}},
		{"ann", &cri.LinuxContainerSecurityContext{SupplementalGroupsPolicy: cri.SupplementalGroupsPolicy_Strict, SupplementalGroups: []int64{600}},
			bundle.User{UID: 1000, GID: 100, Groups: []uint32{600}}},
	} {
		got, err := bundle.ResolveUser(root, c.image, c.security)
		require.NoError(t, err, c.image)
		require.Equal(t, c.want, got, c.image)
	}
	for _, bad := range []string{"mallory", "ann:mallory", "bad", "-1", "4294967295"} {
		_, err := bundle.ResolveUser(root, bad, nil)
		require.ErrorIs(t, err, bundle.ErrInvalid, bad)
	}
	_, err := bundle.ResolveUser(root, "", &cri.LinuxContainerSecurityContext{RunAsGroup: number(1)})
	require.ErrorIs(t, err, bundle.ErrInvalid)
}

// FuzzResolveUser reads accounts that somebody else wrote.
func FuzzResolveUser(f *testing.F) {
	f.Add("root:x:0:0::/:/", "users:x:1:ann", "ann:users")
	f.Fuzz(func(t *testing.T, passwd, group, user string) {
		root := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(root, "etc"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, "etc/passwd"), []byte(passwd), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(root, "etc/group"), []byte(group), 0o600))
		_, _ = bundle.ResolveUser(root, user, nil)
	})
}

func TestWrite_and_read(t *testing.T) {
	dir := t.TempDir()
	want := spec(t)
	require.NoError(t, bundle.Write(dir, want))
	got, err := bundle.Read(dir)
	require.NoError(t, err)
	a, err := json.Marshal(want)
	require.NoError(t, err)
	b, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, string(a), string(b))
}
