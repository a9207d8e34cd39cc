package runtimetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func testContainerLifecycle(t *testing.T, k *kit) {
	p := k.pod("container")
	id := p.create(p.containerConfig("main", k.cmd.Sleep))
	s := k.status(id)
	require.Equal(t, cri.ContainerState_CONTAINER_CREATED, s.State)
	require.Positive(t, s.CreatedAt)
	require.Zero(t, s.StartedAt, "a created container has not started")

	require.NoError(t, k.tryStart(id))
	s = k.status(id)
	require.Equal(t, cri.ContainerState_CONTAINER_RUNNING, s.State)
	require.GreaterOrEqual(t, s.StartedAt, s.CreatedAt)
	require.Zero(t, s.FinishedAt, "a running container has not finished")

	p.waitReady("main")
	k.stop(id, 30)
	s = k.status(id)
	require.Equal(t, cri.ContainerState_CONTAINER_EXITED, s.State)
	require.GreaterOrEqual(t, s.FinishedAt, s.StartedAt)

	for range 2 {
		_, err := k.rt.RemoveContainer(t.Context(), &cri.RemoveContainerRequest{ContainerId: id})
		require.NoError(t, err, "RemoveContainer, and again")
	}
	_, err := k.rt.ContainerStatus(t.Context(), &cri.ContainerStatusRequest{ContainerId: id})
	requireCode(t, codes.NotFound, err, "ContainerStatus of a removed container")
}

func testContainerStateErrors(t *testing.T, k *kit) {
	p := k.pod("states")
	running := p.start("running", k.cmd.Sleep)
	require.Error(t, k.tryStart(running), "StartContainer of a running container")
	require.Equal(t, cri.ContainerState_CONTAINER_RUNNING, k.status(running).State)

	exited := p.run("exited", k.cmd.Exit(0))
	require.Error(t, k.tryStart(exited.Id), "StartContainer of an exited container")

	config := p.containerConfig("", k.cmd.Sleep)
	config.LogPath = "nameless.log"
	_, err := p.tryCreate(config)
	require.Error(t, err, "CreateContainer without a name")

	_, err = k.rt.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: p.id})
	require.NoError(t, err)
	_, err = p.tryCreate(p.containerConfig("late", k.cmd.Sleep))
	require.Error(t, err, "CreateContainer in a stopped sandbox")
}

func testContainerRoundTrip(t *testing.T, k *kit) {
	p := k.pod("round-trip")
	config := p.containerConfig("main", k.cmd.Sleep)
	config.Labels = map[string]string{"io.kubernetes.container.name": "main", "empty": ""}
	config.Annotations = map[string]string{"hash": "1234", "text": "a\nb"}
	config.Metadata.Attempt = 3
	id := p.create(config)

	s := k.status(id)
	require.Equal(t, config.Metadata.String(), s.Metadata.String())
	require.Equal(t, config.Labels, s.Labels)
	require.Equal(t, config.Annotations, s.Annotations)
	require.Equal(t, p.logPath("main"), s.LogPath)
	require.Equal(t, k.target.Image, s.GetImage().GetImage())
	require.NotEmpty(t, s.ImageRef)

	resp, err := k.rt.ListContainers(t.Context(), &cri.ListContainersRequest{Filter: &cri.ContainerFilter{Id: id}})
	require.NoError(t, err)
	require.Len(t, resp.Containers, 1)
	listed := resp.Containers[0]
	require.Equal(t, p.id, listed.PodSandboxId)
	require.Equal(t, config.Metadata.String(), listed.Metadata.String())
	require.Equal(t, config.Labels, listed.Labels)
	require.Equal(t, config.Annotations, listed.Annotations)
	require.Equal(t, cri.ContainerState_CONTAINER_CREATED, listed.State)
}

func testContainerList(t *testing.T, k *kit) {
	p, other := k.pod("list"), k.pod("other")
	config := p.containerConfig("a", k.cmd.Sleep)
	config.Labels = map[string]string{"tier": "web", "x": "1"}
	a := p.startConfig(config)
	config = p.containerConfig("b", k.cmd.Sleep)
	config.Labels = map[string]string{"tier": "web"}
	b := p.create(config)
	c := other.create(other.containerConfig("c", k.cmd.Sleep))

	running := &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}
	for _, tc := range []struct {
		name   string
		filter *cri.ContainerFilter
		want   []string
	}{
		{"by id", &cri.ContainerFilter{Id: c}, []string{c}},
		{"by sandbox", &cri.ContainerFilter{PodSandboxId: p.id}, []string{a, b}},
		{"by sandbox and state", &cri.ContainerFilter{PodSandboxId: p.id, State: running}, []string{a}},
		{"by sandbox and label", &cri.ContainerFilter{PodSandboxId: p.id, LabelSelector: map[string]string{"tier": "web"}}, []string{a, b}},
		{"by sandbox and two labels", &cri.ContainerFilter{PodSandboxId: p.id, LabelSelector: map[string]string{"tier": "web", "x": "1"}}, []string{a}},
		{"by id and another sandbox", &cri.ContainerFilter{Id: a, PodSandboxId: other.id}, nil},
		{"by a sandbox that is not there", &cri.ContainerFilter{PodSandboxId: "never-was"}, nil},
	} {
		resp, err := k.rt.ListContainers(t.Context(), &cri.ListContainersRequest{Filter: tc.filter})
		require.NoError(t, err, tc.name)
		var got []string
		for _, item := range resp.Containers {
			got = append(got, item.Id)
		}
		require.ElementsMatch(t, tc.want, got, tc.name)
	}
}

func testEnvironment(t *testing.T, k *kit) {
	p := k.pod("environment")
	config := p.containerConfig("main", k.cmd.Getenv("GREETING"))
	config.Envs = []*cri.KeyValue{
		{Key: "OTHER", Value: []byte("no")},
		{Key: "GREETING", Value: []byte("good day = 1")},
	}
	s := p.waitExited(p.startConfig(config))
	require.Zero(t, s.ExitCode)
	require.Equal(t, "good day = 1", p.readLog("main")["stdout"])
}

func testMounts(t *testing.T, k *kit) {
	p := k.pod("mounts")
	host := filepath.Join(p.config.LogDirectory, "volume")
	require.NoError(t, os.MkdirAll(host, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(host, "key"), []byte("value"), 0o644))
	run := func(name string, readonly bool, command []string) int32 {
		config := p.containerConfig(name, command)
		config.Mounts = []*cri.Mount{{ContainerPath: "/mnt/volume", HostPath: host, Readonly: readonly}}
		return p.waitExited(p.startConfig(config)).ExitCode
	}
	require.Zero(t, run("read", true, k.cmd.Cat("/mnt/volume/key")))
	require.Equal(t, "value", p.readLog("read")["stdout"])

	require.NotZero(t, run("refused", true, k.cmd.Write("/mnt/volume/new", "text")), "write to a read-only mount")
	require.NoFileExists(t, filepath.Join(host, "new"))

	require.Zero(t, run("write", false, k.cmd.Write("/mnt/volume/new", "text")))
	data, err := os.ReadFile(filepath.Join(host, "new"))
	require.NoError(t, err)
	require.Equal(t, "text", string(data))
}

func testExitCodes(t *testing.T, k *kit) {
	p := k.pod("exit")
	for name, code := range map[string]int32{"zero": 0, "one": 1, "many": 42, "high": 255} {
		s := p.run(name, k.cmd.Exit(int(code)))
		require.Equal(t, code, s.ExitCode)
		reason := "Completed"
		if code != 0 {
			reason = "Error"
		}
		require.Equal(t, reason, s.Reason, "exit code %d", code)
	}
}

func testRestart(t *testing.T, k *kit) {
	p := k.pod("restart")
	first := p.run("main", k.cmd.Exit(1))
	_, err := p.tryCreate(p.containerConfig("main", k.cmd.Sleep))
	require.Error(t, err, "CreateContainer with the name and attempt of one that is there")

	config := p.containerConfig("main", k.cmd.Sleep)
	config.Metadata.Attempt, config.LogPath = 1, "main.1.log"
	second := p.startConfig(config)
	require.NotEqual(t, first.Id, second)
	require.EqualValues(t, 1, k.status(first.Id).ExitCode, "the earlier attempt is there still")
	require.EqualValues(t, 1, k.status(second).Metadata.Attempt)

	_, err = k.rt.RemoveContainer(t.Context(), &cri.RemoveContainerRequest{ContainerId: first.Id})
	require.NoError(t, err)
	require.Equal(t, cri.ContainerState_CONTAINER_RUNNING, k.status(second).State)
}

func testUnknownIDs(t *testing.T, k *kit) {
	const id = "never-was"
	ctx := t.Context()
	calls := map[string]func() error{
		"PodSandboxStatus": func() error {
			_, err := k.rt.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: id})
			return err
		},
		"CreateContainer": func() error {
			_, err := (&pod{kit: k, id: id, config: k.newSandboxConfig("x")}).tryCreate(k.containerConfig("x", k.cmd.Sleep))
			return err
		},
		"StartContainer": func() error { return k.tryStart(id) },
		"ContainerStatus": func() error {
			_, err := k.rt.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
			return err
		},
		"ExecSync": func() error {
			_, err := k.rt.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: id, Cmd: k.cmd.Exit(0)})
			return err
		},
		"ReopenContainerLog": func() error {
			_, err := k.rt.ReopenContainerLog(ctx, &cri.ReopenContainerLogRequest{ContainerId: id})
			return err
		},
	}
	for name, call := range calls {
		requireCode(t, codes.NotFound, call(), name)
	}
	_, err := k.rt.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id})
	require.NoError(t, err, "StopContainer of an unknown id has nothing to do")
	_, err = k.rt.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: id})
	require.NoError(t, err, "RemoveContainer of an unknown id has nothing to do")
}
