package etcdstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// The ID of a lease of ours says when it ends:
//
//	7 bits   leaseMark
//	33 bits  Unix seconds (until the year 2242)
//	23 bits  at random, for those that end in one second
const (
	leaseMark   = 0x43
	markShift   = 56
	secondsBits = 33
	randomBits  = 23
)

// A leaser grants leases with an ID of the caller's choice, which
// clientv3.Lease does not.
type leaser = pb.LeaseClient

func newLeaser(client *clientv3.Client) leaser { return pb.NewLeaseClient(client.ActiveConnection()) }

// grant makes a lease for a key that lives for ttl from now. etcd counts in
// seconds, so it may be up to a second longer.
func (s *Store) grant(ctx context.Context, ttl time.Duration) (clientv3.LeaseID, error) {
	call, end, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer end()
	seconds := int64((ttl + time.Second - 1) / time.Second)
	for {
		id := leaseID(time.Now().Unix() + seconds)
		response, err := s.leases.LeaseGrant(call, &pb.LeaseGrantRequest{ID: id, TTL: seconds})
		switch err = rpctypes.Error(err); {
		case errors.Is(err, rpctypes.ErrLeaseExist):
			continue
		case err != nil:
			return 0, s.fault(ctx, err)
		}
		return clientv3.LeaseID(response.ID), nil
	}
}

// revoke ends a lease, if it is one.
func (s *Store) revoke(ctx context.Context, id clientv3.LeaseID) error {
	if id == 0 {
		return nil
	}
	call, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	_, err = s.client.Revoke(call, id)
	return s.fault(ctx, err)
}

// leaseID returns an ID for a lease that ends then.
func leaseID(expires int64) int64 {
	return leaseMark<<markShift | expires<<randomBits | rand.Int64N(1<<randomBits)
}

// expiresOf returns when a lease ends, the zero time if it is none of ours.
func expiresOf(id int64) time.Time {
	if id>>markShift != leaseMark {
		return time.Time{}
	}
	return time.Unix(id>>randomBits&(1<<secondsBits-1), 0)
}
