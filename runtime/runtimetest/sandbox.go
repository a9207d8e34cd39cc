package runtimetest

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func testStatus(t *testing.T, k *kit) {
	version, err := k.rt.Version(t.Context(), &cri.VersionRequest{})
	require.NoError(t, err)
	require.Equal(t, "v1", version.RuntimeApiVersion)
	require.NotEmpty(t, version.RuntimeName)

	resp, err := k.rt.Status(t.Context(), &cri.StatusRequest{})
	require.NoError(t, err)
	ready := map[string]bool{}
	for _, condition := range resp.Status.Conditions {
		ready[condition.Type] = condition.Status
	}
	require.True(t, ready[cri.RuntimeReady], "condition %s of %v", cri.RuntimeReady, resp.Status)
	require.True(t, ready[cri.NetworkReady], "condition %s of %v", cri.NetworkReady, resp.Status)
}

func (k *kit) sandboxStatus(id string) *cri.PodSandboxStatus {
	k.t.Helper()
	resp, err := k.rt.PodSandboxStatus(k.t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: id})
	require.NoError(k.t, err, "PodSandboxStatus")
	return resp.Status
}

func testSandboxLifecycle(t *testing.T, k *kit) {
	config := k.newSandboxConfig("lifecycle")
	config.Labels["app"] = "web"
	config.Annotations = map[string]string{"note": "a b\nc"}
	p := k.runSandbox(config)

	s := k.sandboxStatus(p.id)
	require.Equal(t, p.id, s.Id)
	require.Equal(t, cri.PodSandboxState_SANDBOX_READY, s.State)
	require.Equal(t, config.Metadata.String(), s.Metadata.String())
	require.Equal(t, config.Labels, s.Labels)
	require.Equal(t, config.Annotations, s.Annotations)
	require.Positive(t, s.CreatedAt)
	if !k.target.Options.NoPodIP {
		_, err := netip.ParseAddr(s.GetNetwork().GetIp())
		require.NoError(t, err, "a ready sandbox has an address")
	}

	_, err := k.rt.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: p.id})
	require.NoError(t, err)
	require.Equal(t, cri.PodSandboxState_SANDBOX_NOTREADY, k.sandboxStatus(p.id).State)

	_, err = k.rt.RemovePodSandbox(t.Context(), &cri.RemovePodSandboxRequest{PodSandboxId: p.id})
	require.NoError(t, err)
	_, err = k.rt.PodSandboxStatus(t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: p.id})
	requireCode(t, codes.NotFound, err, "PodSandboxStatus of a removed sandbox")
}

func testSandboxIdempotence(t *testing.T, k *kit) {
	p := k.pod("idempotence")
	for _, id := range []string{p.id, p.id, "never-was"} {
		_, err := k.rt.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: id})
		require.NoError(t, err, "StopPodSandbox(%s)", id)
	}
	for _, id := range []string{p.id, p.id, "never-was"} {
		_, err := k.rt.RemovePodSandbox(t.Context(), &cri.RemovePodSandboxRequest{PodSandboxId: id})
		require.NoError(t, err, "RemovePodSandbox(%s)", id)
	}
}

func testSandboxNames(t *testing.T, k *kit) {
	first := k.pod("names")
	_, err := k.rt.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: first.config})
	require.Error(t, err, "RunPodSandbox with the metadata of a sandbox that is there")

	again := k.newSandboxConfig("names")
	again.Metadata = &cri.PodSandboxMetadata{
		Name: "names", Namespace: "runtimetest", Uid: first.config.Metadata.Uid, Attempt: 1,
	}
	second := k.runSandbox(again)
	require.NotEqual(t, first.id, second.id)
	require.EqualValues(t, 1, k.sandboxStatus(second.id).Metadata.Attempt)

	_, err = k.rt.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: &cri.PodSandboxConfig{}})
	require.Error(t, err, "RunPodSandbox without metadata")
}

func testSandboxList(t *testing.T, k *kit) {
	a, b := k.pod("list-a"), k.pod("list-b")
	_, err := k.rt.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: b.id})
	require.NoError(t, err)
	label := func(p *pod) map[string]string { return map[string]string{"uid": p.config.Metadata.Uid} }
	state := func(s cri.PodSandboxState) *cri.PodSandboxStateValue {
		return &cri.PodSandboxStateValue{State: s}
	}
	for _, c := range []struct {
		name   string
		filter *cri.PodSandboxFilter
		want   []string
	}{
		{"by id", &cri.PodSandboxFilter{Id: a.id}, []string{a.id}},
		{"by label", &cri.PodSandboxFilter{LabelSelector: label(b)}, []string{b.id}},
		{"by id and state", &cri.PodSandboxFilter{Id: a.id, State: state(cri.PodSandboxState_SANDBOX_READY)}, []string{a.id}},
		{"by id and another state", &cri.PodSandboxFilter{Id: b.id, State: state(cri.PodSandboxState_SANDBOX_READY)}, nil},
		{"by id and another's label", &cri.PodSandboxFilter{Id: a.id, LabelSelector: label(b)}, nil},
		{"by an id that is not there", &cri.PodSandboxFilter{Id: "never-was"}, nil},
	} {
		resp, err := k.rt.ListPodSandbox(t.Context(), &cri.ListPodSandboxRequest{Filter: c.filter})
		require.NoError(t, err, c.name)
		var got []string
		for _, item := range resp.Items {
			got = append(got, item.Id)
		}
		require.ElementsMatch(t, c.want, got, c.name)
	}
	resp, err := k.rt.ListPodSandbox(t.Context(), &cri.ListPodSandboxRequest{})
	require.NoError(t, err)
	found := map[string]string{}
	for _, item := range resp.Items {
		found[item.Id] = item.Metadata.Name
	}
	require.Equal(t, "list-a", found[a.id], "a list without filter has all")
	require.Equal(t, "list-b", found[b.id], "a list without filter has those not ready too")
}

func testSandboxOwnsContainers(t *testing.T, k *kit) {
	p := k.pod("owner")
	running, created := p.start("running", k.cmd.Stubborn), p.create(p.containerConfig("created", k.cmd.Sleep))
	_, err := k.rt.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: p.id})
	require.NoError(t, err)
	require.Equal(t, cri.ContainerState_CONTAINER_EXITED, k.status(running).State, "after StopPodSandbox")

	_, err = k.rt.RemovePodSandbox(t.Context(), &cri.RemovePodSandboxRequest{PodSandboxId: p.id})
	require.NoError(t, err)
	for _, id := range []string{running, created} {
		_, err = k.rt.ContainerStatus(t.Context(), &cri.ContainerStatusRequest{ContainerId: id})
		requireCode(t, codes.NotFound, err, "ContainerStatus after RemovePodSandbox")
	}
}
