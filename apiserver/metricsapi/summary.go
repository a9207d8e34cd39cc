package metricsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// A Summary is what a kubelet measured: the part that we read of its answer to
// /stats/summary
// (https://kubernetes.io/docs/reference/instrumentation/node-metrics/).
type Summary struct {
	Node NodeStats  `json:"node"`
	Pods []PodStats `json:"pods"`
}

// NodeStats is the use of a whole node.
type NodeStats struct {
	Name   string  `json:"nodeName"`
	CPU    *CPU    `json:"cpu,omitempty"`
	Memory *Memory `json:"memory,omitempty"`
}

// PodStats is the use of a pod's containers.
type PodStats struct {
	Pod        PodReference     `json:"podRef"`
	Containers []ContainerStats `json:"containers"`
}

// A PodReference names a pod.
type PodReference struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	UID       string `json:"uid"`
}

// ContainerStats is the use of one container.
type ContainerStats struct {
	Name   string  `json:"name"`
	CPU    *CPU    `json:"cpu,omitempty"`
	Memory *Memory `json:"memory,omitempty"`
}

// CPU is measured at a time; a nil value has not been measured yet.
type CPU struct {
	Time time.Time `json:"time"`
	// UsageNanoCores is in billionths of a core.
	UsageNanoCores *uint64 `json:"usageNanoCores,omitempty"`
}

// Memory is measured at a time; a nil value has not been measured yet.
type Memory struct {
	Time            time.Time `json:"time"`
	WorkingSetBytes *uint64   `json:"workingSetBytes,omitempty"`
}

// A Source gets the summary of a node. It is safe for concurrent use and heeds
// its context.
type Source interface {
	Summary(ctx context.Context, node *corev1.Node) (*Summary, error)
}

// Kubelets is the source that asks the kubelets themselves.
type Kubelets struct {
	Transport apiserver.NodeTransport
}

// maxSummary is the most bytes of a summary: a thousand for each container of a
// node that is full of pods, with room to spare.
const maxSummary = 16 << 20

// Summary implements Source.
func (k Kubelets) Summary(ctx context.Context, node *corev1.Node) (*Summary, error) {
	transport, base, err := k.Transport.RoundTripper(node)
	if err != nil {
		return nil, fmt.Errorf("summary of node %s: %w", node.Name, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/stats/summary", nil)
	if err != nil {
		return nil, fmt.Errorf("summary of node %s: %w", node.Name, err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("summary of node %s: %w", node.Name, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("summary of node %s: %s", node.Name, resp.Status)
	}
	summary := &Summary{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxSummary)).Decode(summary); err != nil {
		return nil, fmt.Errorf("summary of node %s: %w", node.Name, err)
	}
	return summary, nil
}
