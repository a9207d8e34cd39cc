package probe

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A Prober asks containers. It is safe for concurrent use.
type Prober struct {
	// Dial connects to a pod.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Exec runs a command in a container. The error says that it could not be
	// run, or not within the time limit.
	Exec func(ctx context.Context, containerID string, command []string, limit time.Duration) (code int, output string, err error)
}

// A Target is the container to ask.
type Target struct {
	ContainerID string
	// IP is the pod's address.
	IP string
	// Container has the names of the ports.
	Container *corev1.Container
}

// An Outcome is one answer.
type Outcome struct {
	// Result is Unknown where the question could not be asked.
	Result Result
	// Message is what the container said, or what went wrong.
	Message string
}

// Do asks once and waits for the answer for at most the probe's timeout.
func (p *Prober) Do(ctx context.Context, target Target, probe *corev1.Probe) Outcome {
	limit := max(time.Second, time.Duration(probe.TimeoutSeconds)*time.Second)
	if probe.Exec != nil {
		return p.exec(ctx, target, probe.Exec.Command, limit)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	switch {
	case probe.HTTPGet != nil:
		return p.httpGet(ctx, target, probe.HTTPGet)
	case probe.TCPSocket != nil:
		return p.tcp(ctx, target, probe.TCPSocket)
	case probe.GRPC != nil:
		return p.grpc(ctx, target, probe.GRPC)
	}
	return Outcome{Unknown, "the probe has no handler"}
}

func (p *Prober) exec(ctx context.Context, target Target, command []string, limit time.Duration) Outcome {
	code, output, err := p.Exec(ctx, target.ContainerID, command, limit)
	switch {
	case err != nil:
		return Outcome{Failure, fmt.Sprintf("command %q: %v", command, err)}
	case code != 0:
		return Outcome{Failure, output}
	}
	return Outcome{Success, output}
}

func (p *Prober) tcp(ctx context.Context, target Target, action *corev1.TCPSocketAction) Outcome {
	address, err := target.address(action.Host, action.Port)
	if err != nil {
		return Outcome{Failure, err.Error()}
	}
	conn, err := p.Dial(ctx, "tcp", address)
	if err != nil {
		return Outcome{Failure, err.Error()}
	}
	conn.Close()
	return Outcome{Success, ""}
}

// address is where a port of the target is; host overrides the pod's address.
func (t Target) address(host string, port intstr.IntOrString) (string, error) {
	if host == "" {
		host = t.IP
	}
	number, err := Port(t.Container, port)
	if err != nil {
		return "", err
	}
	if host == "" {
		return "", fmt.Errorf("the pod has no address yet")
	}
	return net.JoinHostPort(host, strconv.Itoa(number)), nil
}

// Port returns the number of a port that is given by number or by the name it
// has in the container.
func Port(c *corev1.Container, port intstr.IntOrString) (int, error) {
	number := port.IntValue()
	if port.Type == intstr.String {
		for _, named := range c.Ports {
			if named.Name == port.StrVal {
				number = int(named.ContainerPort)
			}
		}
	}
	if number < 1 || number > 65535 {
		return 0, fmt.Errorf("container %s has no port %q", c.Name, port.String())
	}
	return number, nil
}
