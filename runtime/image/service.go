package image

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A Service answers the image half of the Container Runtime Interface from a
// store. Runtimes embed it.
type Service struct {
	cri.UnimplementedImageServiceServer
	store *Store
	// containers is where containers write, for ImageFsInfo.
	containers string
}

var _ cri.ImageServiceServer = (*Service)(nil)

// NewService returns the service of a store. containerDir is the directory in
// which the runtime keeps what its containers write, empty if it keeps nothing.
func NewService(s *Store, containerDir string) *Service {
	return &Service{store: s, containers: containerDir}
}

// Store returns the store behind the service.
func (s *Service) Store() *Store { return s.store }

// ListImages implements cri.ImageServiceServer.
func (s *Service) ListImages(_ context.Context, r *cri.ListImagesRequest) (*cri.ListImagesResponse, error) {
	images, err := s.list(r.GetFilter().GetImage().GetImage())
	if err != nil {
		return nil, err
	}
	return &cri.ListImagesResponse{Images: images}, nil
}

// StreamImages implements cri.ImageServiceServer.
func (s *Service) StreamImages(r *cri.StreamImagesRequest, stream grpc.ServerStreamingServer[cri.StreamImagesResponse]) error {
	images, err := s.list(r.GetFilter().GetImage().GetImage())
	if err != nil {
		return err
	}
	const chunk = 100
	for len(images) > 0 {
		n := min(chunk, len(images))
		if err := stream.Send(&cri.StreamImagesResponse{Images: images[:n]}); err != nil {
			return err
		}
		images = images[n:]
	}
	return nil
}

func (s *Service) list(ref string) ([]*cri.Image, error) {
	if ref != "" {
		img, err := s.store.Get(ref)
		if errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, StatusError(err)
		}
		return []*cri.Image{ToCRI(img)}, nil
	}
	images, err := s.store.List()
	if err != nil {
		return nil, StatusError(err)
	}
	out := make([]*cri.Image, len(images))
	for i, img := range images {
		out[i] = ToCRI(img)
	}
	return out, nil
}

// ImageStatus implements cri.ImageServiceServer.
func (s *Service) ImageStatus(_ context.Context, r *cri.ImageStatusRequest) (*cri.ImageStatusResponse, error) {
	img, err := s.store.Get(r.GetImage().GetImage())
	if errors.Is(err, ErrNotFound) {
		return &cri.ImageStatusResponse{}, nil
	}
	if err != nil {
		return nil, StatusError(err)
	}
	return &cri.ImageStatusResponse{Image: ToCRI(img)}, nil
}

// PullImage implements cri.ImageServiceServer.
func (s *Service) PullImage(ctx context.Context, r *cri.PullImageRequest) (*cri.PullImageResponse, error) {
	img, err := s.store.Pull(ctx, r.GetImage().GetImage(), authenticator(r.GetAuth()))
	if err != nil {
		return nil, StatusError(err)
	}
	return &cri.PullImageResponse{ImageRef: img.ID}, nil
}

// RemoveImage implements cri.ImageServiceServer.
func (s *Service) RemoveImage(_ context.Context, r *cri.RemoveImageRequest) (*cri.RemoveImageResponse, error) {
	err := s.store.Remove(r.GetImage().GetImage())
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, StatusError(err)
	}
	return &cri.RemoveImageResponse{}, nil
}

// ImageFsInfo implements cri.ImageServiceServer.
func (s *Service) ImageFsInfo(context.Context, *cri.ImageFsInfoRequest) (*cri.ImageFsInfoResponse, error) {
	resp := &cri.ImageFsInfoResponse{}
	usage, err := filesystem(s.store.Root())
	if err != nil {
		return nil, StatusError(err)
	}
	resp.ImageFilesystems = []*cri.FilesystemUsage{usage}
	if s.containers == "" {
		return resp, nil
	}
	if usage, err = filesystem(s.containers); err != nil {
		return nil, StatusError(err)
	}
	resp.ContainerFilesystems = []*cri.FilesystemUsage{usage}
	return resp, nil
}

func filesystem(dir string) (*cri.FilesystemUsage, error) {
	u, err := DiskUsage(dir)
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", dir, err)
	}
	return &cri.FilesystemUsage{
		Timestamp: time.Now().UnixNano(), FsId: &cri.FilesystemIdentifier{Mountpoint: dir},
		UsedBytes: &cri.UInt64Value{Value: u.Bytes}, InodesUsed: &cri.UInt64Value{Value: u.Inodes},
	}, nil
}

// ToCRI says in CRI's words what an image is.
func ToCRI(img Image) *cri.Image {
	out := &cri.Image{
		Id: img.ID, RepoTags: img.Tags, RepoDigests: img.Digests, Size: uint64(img.Size),
		Spec: &cri.ImageSpec{Image: img.ID, UserSpecifiedImage: first(img.Tags)},
	}
	user, _, _ := strings.Cut(img.Config.User, ":")
	if uid, err := strconv.ParseInt(user, 10, 64); err == nil {
		out.Uid = &cri.Int64Value{Value: uid}
	} else if user == "" {
		out.Uid = &cri.Int64Value{Value: 0}
	} else {
		out.Username = user
	}
	return out
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

func authenticator(a *cri.AuthConfig) authn.Authenticator {
	if a == nil {
		return authn.Anonymous
	}
	return authn.FromConfig(authn.AuthConfig{
		Username: a.Username, Password: a.Password, Auth: a.Auth,
		IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken,
	})
}

// StatusError gives an error of this package the gRPC code that CRI's callers
// expect, and leaves its text as it is.
func StatusError(err error) error {
	code := codes.Unknown
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound):
		code = codes.NotFound
	case errors.Is(err, ErrInvalidName), errors.Is(err, ErrRefused):
		code = codes.InvalidArgument
	case errors.Is(err, ErrCorrupt):
		code = codes.DataLoss
	case errors.Is(err, context.Canceled):
		code = codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	}
	return status.Error(code, err.Error())
}
