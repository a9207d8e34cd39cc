package criserver_test

import (
	"context"

	"google.golang.org/grpc"
)

// collect is the server's end of a streaming call, in process.
type collect[T any] struct {
	grpc.ServerStream
	ctx context.Context
	got []*T
}

func (c *collect[T]) Context() context.Context { return c.ctx }

func (c *collect[T]) Send(m *T) error {
	c.got = append(c.got, m)
	return nil
}
