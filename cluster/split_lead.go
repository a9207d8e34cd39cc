package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
)

// LeadOptions are those of the election among several processes of a component,
// such as kube-scheduler: the Lease in kube-system that the real one uses too, so
// ours and the real one can stand by for each other.
func LeadOptions(lease string) *client.LeadOptions {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &client.LeadOptions{
		Namespace: metav1.NamespaceSystem, Name: lease,
		Identity: fmt.Sprintf("%s_%s", host, rand.Text()[:10]),
	}
}

// Lead runs run while this process is the leader, and waits before.
func Lead(ctx context.Context, c *client.Client, lease string, run func(context.Context) error) error {
	err := client.Lead(ctx, c, *LeadOptions(lease), run)
	if errors.Is(err, client.ErrLostLead) {
		return fmt.Errorf("another process took over, start this one again to stand by: %w", err)
	}
	return err
}
