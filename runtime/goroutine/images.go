package goroutine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// pulledImage is an image on this node.
type pulledImage struct {
	Image
	name string // canonical
	id   string
}

// digest is the image's repository digest.
func (i pulledImage) digest() string { return repository(i.name) + "@" + i.id }

// PullImage implements the CRI call.
func (r *Runtime) PullImage(ctx context.Context, req *cri.PullImageRequest) (*cri.PullImageResponse, error) {
	name := canonicalName(req.GetImage().GetImage())
	if name == "" {
		return nil, invalid("pull image: no name")
	}
	image, known := r.config.Images.lookup(name)
	if image.Program == nil {
		image.Program = r.config.Fallback
	}
	if image.Program == nil {
		if known {
			return nil, status.Errorf(codes.FailedPrecondition, "pull image %q: it has no program and there is no fallback", name)
		}
		return nil, status.Errorf(codes.NotFound, "pull image %q: not found in the registry", name)
	}
	if err := wait(ctx, image.PullTime); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	pulled := pulledImage{Image: image, name: name, id: imageID(name)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.checkOpenLocked(); err != nil {
		return nil, err
	}
	r.images[name] = pulled
	return &cri.PullImageResponse{ImageRef: pulled.digest()}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// image finds a pulled image by name, id or digest.
func (r *Runtime) image(ref string) (pulledImage, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if image, ok := r.images[canonicalName(ref)]; ok {
		return image, nil
	}
	for _, image := range r.images {
		if ref == image.id || ref == image.digest() {
			return image, nil
		}
	}
	return pulledImage{}, status.Errorf(codes.NotFound, "image %q is not on this node", ref)
}

// ImageStatus implements the CRI call: without an image if it is not here.
func (r *Runtime) ImageStatus(_ context.Context, req *cri.ImageStatusRequest) (*cri.ImageStatusResponse, error) {
	image, err := r.image(req.GetImage().GetImage())
	if err != nil {
		return &cri.ImageStatusResponse{}, nil
	}
	return &cri.ImageStatusResponse{Image: image.describe()}, nil
}

func (i pulledImage) describe() *cri.Image {
	return &cri.Image{
		Id: i.id, RepoTags: []string{i.name}, RepoDigests: []string{i.digest()},
		Size: max(i.Size, 1), // to a kubelet, one without a size is not there
		Spec: &cri.ImageSpec{Image: i.name},
	}
}

// ListImages implements the CRI call.
func (r *Runtime) ListImages(_ context.Context, req *cri.ListImagesRequest) (*cri.ListImagesResponse, error) {
	wanted := req.GetFilter().GetImage().GetImage()
	r.mu.Lock()
	defer r.mu.Unlock()
	resp := &cri.ListImagesResponse{}
	for _, image := range r.images {
		if wanted == "" || canonicalName(wanted) == image.name || wanted == image.id || wanted == image.digest() {
			resp.Images = append(resp.Images, image.describe())
		}
	}
	slices.SortFunc(resp.Images, func(a, b *cri.Image) int { return cmp.Compare(a.RepoTags[0], b.RepoTags[0]) })
	return resp, nil
}

// RemoveImage implements the CRI call. Containers that use it go on.
func (r *Runtime) RemoveImage(_ context.Context, req *cri.RemoveImageRequest) (*cri.RemoveImageResponse, error) {
	if image, err := r.image(req.GetImage().GetImage()); err == nil {
		r.mu.Lock()
		delete(r.images, image.name)
		r.mu.Unlock()
	}
	return &cri.RemoveImageResponse{}, nil
}

// ImageFsInfo implements the CRI call: the sizes the images say they have.
func (r *Runtime) ImageFsInfo(context.Context, *cri.ImageFsInfoRequest) (*cri.ImageFsInfoResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var used uint64
	for _, image := range r.images {
		used += image.Size
	}
	return &cri.ImageFsInfoResponse{ImageFilesystems: []*cri.FilesystemUsage{{
		Timestamp:  time.Now().UnixNano(),
		FsId:       &cri.FilesystemIdentifier{Mountpoint: "/"},
		UsedBytes:  &cri.UInt64Value{Value: used},
		InodesUsed: &cri.UInt64Value{Value: uint64(len(r.images))},
	}}}, nil
}
