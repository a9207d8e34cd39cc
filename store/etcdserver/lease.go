package etcdserver

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/coracle-k8s/coracle/store"
)

// keepAliveFactor is how many times the lease's time the keys of a lease that is
// kept alive get in the store.
const keepAliveFactor = 10

// leaseService is etcd's Lease service.
type leaseService struct {
	pb.UnimplementedLeaseServer
	*Server
}

// LeaseGrant makes a lease.
func (s *leaseService) LeaseGrant(ctx context.Context, r *pb.LeaseGrantRequest) (*pb.LeaseGrantResponse, error) {
	header, err := s.headerNow(ctx)
	if err != nil {
		return nil, err
	}
	id, err := s.leases.grant(r.ID, r.TTL)
	if err != nil {
		return nil, s.status(err)
	}
	return &pb.LeaseGrantResponse{Header: header, ID: id, TTL: max(1, r.TTL)}, nil
}

// LeaseRevoke ends a lease and deletes its keys.
func (s *leaseService) LeaseRevoke(ctx context.Context, r *pb.LeaseRevokeRequest) (*pb.LeaseRevokeResponse, error) {
	lease := s.leases.take(r.ID)
	if lease == nil {
		return nil, rpctypes.ErrGRPCLeaseNotFound
	}
	if err := errors.Join(s.deleteKeys(ctx, lease), s.leases.sync()); err != nil {
		return nil, s.status(err)
	}
	header, err := s.headerNow(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.LeaseRevokeResponse{Header: header}, nil
}

// LeaseKeepAlive gives leases their time again, each time the client asks.
func (s *leaseService) LeaseKeepAlive(stream pb.Lease_LeaseKeepAliveServer) error {
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		response := &pb.LeaseKeepAliveResponse{ID: r.ID} // a TTL of zero: there is no such lease
		if lease := s.leases.renew(r.ID); lease != nil {
			if err := s.prolong(stream.Context(), lease); err != nil {
				return s.status(err)
			}
			response.TTL = int64(lease.ttl / time.Second)
		}
		if response.Header, err = s.headerNow(stream.Context()); err != nil {
			return err
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

// LeaseTimeToLive says how long a lease lives on, and what its keys are.
func (s *leaseService) LeaseTimeToLive(ctx context.Context, r *pb.LeaseTimeToLiveRequest) (*pb.LeaseTimeToLiveResponse, error) {
	header, err := s.headerNow(ctx)
	if err != nil {
		return nil, err
	}
	response := &pb.LeaseTimeToLiveResponse{Header: header, ID: r.ID, TTL: -1}
	lease := s.leases.get(r.ID)
	if lease == nil {
		return response, nil
	}
	response.TTL = int64(time.Until(lease.expires) / time.Second)
	response.GrantedTTL = int64(lease.ttl / time.Second)
	if r.Keys {
		for _, key := range slices.Sorted(maps.Keys(lease.keys)) {
			response.Keys = append(response.Keys, []byte(key))
		}
	}
	return response, nil
}

// LeaseLeases lists the leases.
func (s *leaseService) LeaseLeases(ctx context.Context, _ *pb.LeaseLeasesRequest) (*pb.LeaseLeasesResponse, error) {
	header, err := s.headerNow(ctx)
	if err != nil {
		return nil, err
	}
	response := &pb.LeaseLeasesResponse{Header: header}
	for _, id := range s.leases.ids() {
		response.Leases = append(response.Leases, &pb.LeaseStatus{ID: id})
	}
	return response, nil
}

// attach ties a key that was just written to its lease. If the lease ended
// between the look at its time and now, the key goes as the others went.
func (s *Server) attach(ctx context.Context, id int64, key string, revision int64, ttl time.Duration) error {
	if id == 0 || s.leases.attach(id, key, revision, ttl) {
		return nil
	}
	if err := s.deleteIf(ctx, key, revision); err != nil {
		return err
	}
	return rpctypes.ErrGRPCLeaseNotFound
}

// deleteKeys deletes the keys of a lease that has ended, but for those that were
// written since.
func (s *Server) deleteKeys(ctx context.Context, lease *lease) error {
	for _, key := range slices.Sorted(maps.Keys(lease.keys)) {
		if err := s.deleteIf(ctx, key, lease.keys[key].revision); err != nil {
			return err
		}
	}
	return nil
}

// deleteIf deletes a key if it is of that revision.
func (s *Server) deleteIf(ctx context.Context, key string, revision int64) error {
	_, _, err := s.store.Delete(ctx, key, revision)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

// prolong writes those keys of a lease again that the store would delete before
// the lease ends.
func (s *Server) prolong(ctx context.Context, lease *lease) error {
	for key, a := range lease.keys {
		if a.until.After(lease.expires) {
			continue
		}
		kv, _, err := s.store.Get(ctx, key, 0)
		if errors.Is(err, store.ErrNotFound) || err == nil && kv.ModRevision != a.revision {
			continue // deleted, or written without the lease
		}
		if err != nil {
			return err
		}
		ttl := seconds(int64(lease.ttl/time.Second) * keepAliveFactor)
		revision, err := s.store.Update(ctx, key, kv.Value, kv.ModRevision, ttl)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
			continue
		}
		if err == nil {
			err = s.attach(ctx, lease.id, key, revision, ttl)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// expireLeases ends leases as their time runs out, until ctx ends. The store
// deletes most of their keys by itself; those of leases that were kept alive are
// deleted here.
func (s *Server) expireLeases(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.leases.wake:
		case <-timer.C:
		}
		expired, next := s.leases.takeExpired(time.Now())
		for _, lease := range expired {
			if err := s.deleteKeys(ctx, lease); err != nil && ctx.Err() == nil {
				// The store's own time to live deletes them later.
				s.log.Error("delete the keys of an expired lease", "lease", lease.id, "error", err)
			}
		}
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}
