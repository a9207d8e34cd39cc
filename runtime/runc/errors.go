//go:build linux

package runc

import (
	"context"
	"errors"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/bundle"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// toStatus gives an error the gRPC code that [runtime.Service] promises and leaves
// its text as it is.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	code := codes.Unknown
	switch {
	case errors.Is(err, bundle.ErrInvalid):
		code = codes.InvalidArgument
	case errors.Is(err, bundle.ErrUnsupported):
		code = codes.Unimplemented
	case errors.Is(err, context.Canceled):
		code = codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	default:
		return image.StatusError(err)
	}
	return status.Error(code, err.Error())
}

func noSandbox(id string) error   { return status.Errorf(codes.NotFound, "no pod sandbox %q", id) }
func noContainer(id string) error { return status.Errorf(codes.NotFound, "no container %q", id) }
