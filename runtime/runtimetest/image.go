package runtimetest

import (
	"testing"

	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// absentImage is a name that no registry has: the domain is reserved for this
// purpose (RFC 2606).
const absentImage = "registry.invalid/no/such/image:v0"

func (k *kit) imageStatus(name string) *cri.Image {
	k.t.Helper()
	resp, err := k.rt.ImageStatus(k.t.Context(), &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}})
	require.NoError(k.t, err, "ImageStatus(%s)", name)
	return resp.Image
}

func testImages(t *testing.T, k *kit) {
	pulled, err := k.rt.PullImage(t.Context(), &cri.PullImageRequest{Image: k.image()})
	require.NoError(t, err, "PullImage of an image that is there")
	require.NotEmpty(t, pulled.ImageRef)

	image := k.imageStatus(k.target.Image)
	require.NotNil(t, image)
	require.NotEmpty(t, image.Id)
	require.Contains(t, append(image.RepoTags, image.RepoDigests...), k.target.Image)
	require.Equal(t, image.Id, k.imageStatus(image.Id).GetId(), "found by id")
	require.Equal(t, image.Id, k.imageStatus(pulled.ImageRef).GetId(), "found by what PullImage returned")

	resp, err := k.rt.ListImages(t.Context(), &cri.ListImagesRequest{})
	require.NoError(t, err)
	var ids []string
	for _, listed := range resp.Images {
		ids = append(ids, listed.Id)
	}
	require.Contains(t, ids, image.Id)

	info, err := k.rt.ImageFsInfo(t.Context(), &cri.ImageFsInfoRequest{})
	require.NoError(t, err)
	require.NotEmpty(t, info.ImageFilesystems)
}

func testImagesMissing(t *testing.T, k *kit) {
	require.Nil(t, k.imageStatus(absentImage), "the status of an absent image")
	_, err := k.rt.PullImage(t.Context(), &cri.PullImageRequest{Image: &cri.ImageSpec{Image: absentImage}})
	require.Error(t, err, "PullImage of what is nowhere")
	p := k.pod("missing")
	config := p.containerConfig("main", k.cmd.Sleep)
	config.Image = &cri.ImageSpec{Image: absentImage}
	_, err = p.tryCreate(config)
	require.Error(t, err, "CreateContainer from an absent image")
}

func testImagesRemoved(t *testing.T, k *kit) {
	for range 2 {
		_, err := k.rt.RemoveImage(t.Context(), &cri.RemoveImageRequest{Image: k.image()})
		require.NoError(t, err, "RemoveImage, and again")
	}
	require.Nil(t, k.imageStatus(k.target.Image))
	k.pull()
	require.NotNil(t, k.imageStatus(k.target.Image))
}
