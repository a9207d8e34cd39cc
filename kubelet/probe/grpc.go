package probe

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	corev1 "k8s.io/api/core/v1"
)

// grpc asks the standard health service, see
// https://github.com/grpc/grpc/blob/master/doc/health-checking.md.
func (p *Prober) grpc(ctx context.Context, target Target, action *corev1.GRPCAction) Outcome {
	address, err := target.address("", intstr.FromInt32(action.Port))
	if err != nil {
		return Outcome{Failure, err.Error()}
	}
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUserAgent(userAgent),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return p.Dial(ctx, "tcp", addr) }))
	if err != nil {
		return Outcome{Failure, err.Error()}
	}
	defer conn.Close()
	service := ""
	if action.Service != nil {
		service = *action.Service
	}
	answer, err := health.NewHealthClient(conn).Check(ctx, &health.HealthCheckRequest{Service: service})
	switch {
	case err != nil:
		return Outcome{Failure, fmt.Sprintf("service unhealthy: %v", err)}
	case answer.Status != health.HealthCheckResponse_SERVING:
		return Outcome{Failure, fmt.Sprintf("service unhealthy (responded with %q)", answer.Status)}
	}
	return Outcome{Success, "service healthy"}
}
