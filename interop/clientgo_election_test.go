package interop_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"

	coracle "github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster/clustertest"
)

// Client-go's election and ours hold the same Lease: one waits for the other,
// whichever was first.
func TestClientGo_leader_election(t *testing.T) {
	t.Parallel()
	c := start(t, clustertest.WithNodes(0))
	ours := func(ctx context.Context, leading chan<- string) error {
		return coracle.Lead(ctx, c.Client(), coracle.LeadOptions{
			Namespace: "default", Name: "lead", Identity: "ours",
			LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 100 * time.Millisecond,
		}, func(ctx context.Context) error {
			leading <- "ours"
			<-ctx.Done()
			return nil
		})
	}
	theirs := func(ctx context.Context, leading chan<- string) error {
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{
				LeaseMeta: metav1.ObjectMeta{Namespace: "default", Name: "lead"}, Client: clientset(t, c).CoordinationV1(),
				LockConfig: resourcelock.ResourceLockConfig{Identity: "theirs"},
			},
			LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 100 * time.Millisecond,
			ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leading <- "theirs" },
				OnStoppedLeading: func() {},
			},
		})
		if err == nil {
			elector.Run(ctx)
		}
		return err
	}
	type candidate func(context.Context, chan<- string) error
	run := func(f candidate, leading chan string) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f(ctx, leading) }()
		return func() {
			cancel()
			require.NoError(t, <-ended)
		}
	}
	for _, order := range [][]candidate{{ours, theirs}, {theirs, ours}} {
		leading := make(chan string, 2)
		stopFirst := run(order[0], leading)
		first := <-leading
		stopSecond := run(order[1], leading)
		lease, err := clientset(t, c).CoordinationV1().Leases("default").Get(t.Context(), "lead", metav1.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, first, *lease.Spec.HolderIdentity)
		require.Empty(t, leading, "there is one leader")
		stopFirst()
		require.NotEqual(t, first, <-leading)
		stopSecond()
	}
}

// Events of client-go's recorder arrive, and repeated ones are counted.
func TestClientGo_events(t *testing.T) {
	t.Parallel()
	c := start(t, clustertest.WithNodes(0))
	var client kubernetes.Interface = clientset(t, c)
	object, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), configMap("subject"), metav1.CreateOptions{})
	require.NoError(t, err)
	broadcaster := record.NewBroadcaster()
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "interop"})
	for range 3 {
		recorder.Eventf(runtime.Object(object), corev1.EventTypeNormal, "Tested", "%s was tested", object.Name)
	}
	c.WaitFor("one event, counted three times", func() bool {
		events, err := client.CoreV1().Events("default").List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=subject"})
		require.NoError(t, err)
		return len(events.Items) == 1 && events.Items[0].Count == 3
	})
}
