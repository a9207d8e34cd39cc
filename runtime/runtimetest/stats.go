package runtimetest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func testStats(t *testing.T, k *kit) {
	p := k.pod("stats")
	config := p.containerConfig("main", k.cmd.Sleep)
	config.Labels = map[string]string{"stats": p.config.Metadata.Uid}
	id := p.startConfig(config)
	exited := p.run("exited", k.cmd.Exit(0))

	one, err := k.rt.ContainerStats(t.Context(), &cri.ContainerStatsRequest{ContainerId: id})
	require.NoError(t, err)
	checkStats(t, one.Stats, id)
	_, err = k.rt.ContainerStats(t.Context(), &cri.ContainerStatsRequest{ContainerId: "never-was"})
	requireCode(t, codes.NotFound, err, "ContainerStats")

	for name, filter := range map[string]*cri.ContainerStatsFilter{
		"by id":    {Id: id},
		"by pod":   {PodSandboxId: p.id},
		"by label": {LabelSelector: config.Labels},
	} {
		list, err := k.rt.ListContainerStats(t.Context(), &cri.ListContainerStatsRequest{Filter: filter})
		require.NoError(t, err, name)
		require.Len(t, list.Stats, 1, "%s, without %s that has exited", name, exited.Id)
		checkStats(t, list.Stats[0], id)
	}

	pods, err := k.rt.ListPodSandboxStats(t.Context(), &cri.ListPodSandboxStatsRequest{Filter: &cri.PodSandboxStatsFilter{Id: p.id}})
	require.NoError(t, err)
	require.Len(t, pods.Stats, 1)
	require.Equal(t, p.id, pods.Stats[0].Attributes.Id)
	require.Len(t, pods.Stats[0].GetLinux().GetContainers(), 1)
	checkStats(t, pods.Stats[0].Linux.Containers[0], id)
}

func checkStats(t *testing.T, s *cri.ContainerStats, id string) {
	t.Helper()
	require.Equal(t, id, s.Attributes.Id)
	require.Equal(t, "main", s.Attributes.Metadata.Name)
	require.Positive(t, s.GetCpu().GetTimestamp())
	require.NotNil(t, s.GetCpu().GetUsageCoreNanoSeconds(), "CPU time")
	require.NotNil(t, s.GetMemory().GetWorkingSetBytes(), "memory in use")
}
