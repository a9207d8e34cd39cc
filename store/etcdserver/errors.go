package etcdserver

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/coracle-k8s/coracle/store"
)

// errBeyond are requests that mean more than a store can do.
func errBeyond(what string) error {
	return status.Error(codes.Unimplemented, "etcdserver: "+what)
}

// status returns an error of the store as a client of etcd knows it: clients
// tell errors apart by code and text.
func (s *Server) status(err error) error {
	switch _, ours := status.FromError(err); {
	case err == nil || ours:
		return err
	case errors.Is(err, store.ErrCompacted):
		return rpctypes.ErrGRPCCompacted
	case errors.Is(err, store.ErrFutureRevision):
		return rpctypes.ErrGRPCFutureRev
	case errors.Is(err, store.ErrClosed):
		return rpctypes.ErrGRPCStopped
	case errors.Is(err, context.Canceled):
		return rpctypes.ErrGRPCCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return rpctypes.ErrGRPCDeadlineExceeded
	}
	s.log.Error("the store failed", "error", err)
	return status.Error(codes.Internal, "etcdserver: "+err.Error())
}
