package fairness_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/fairness"
	"github.com/coracle-k8s/coracle/apiserver/typed"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// everybody lets the in-process users of tests do anything.
type everybody struct{}

func (everybody) Authorize(context.Context, *apiserver.Attributes) (apiserver.Decision, string, error) {
	return apiserver.Allow, "", nil
}

// A world is a server whose creates of config maps each take a second.
type world struct {
	*apiserver.Server
	objects apiserver.Objects
}

const work = time.Second

func newWorld(t testing.TB, seats int) *world {
	st := memstore.New()
	t.Cleanup(func() { st.Close() })
	storage := apiserver.NewStorage(st, kinds.Registry(), nil)
	limiter, err := fairness.New(fairness.Options{Storage: storage, Seats: seats})
	require.NoError(t, err)
	server, err := apiserver.New(apiserver.Config{
		Storage: storage, Authenticators: []apiserver.Authenticator{auth.InProcess{}}, Authorizer: everybody{},
		Limiter: limiter, Collectors: limiter.Collectors(),
		Hooks: []apiserver.Hook{apiserver.MutateFunc(func(ctx context.Context, a *apiserver.Admission) error {
			if a.Resource.Plural != "configmaps" {
				return nil
			}
			select {
			case <-time.After(work):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Run(ctx) })
	running.Go(func() { _ = limiter.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	<-server.Ready()
	return &world{server, storage.Objects()}
}

func limited(name string, shares int32, response flowcontrolv1.LimitResponse) *flowcontrolv1.PriorityLevelConfiguration {
	return &flowcontrolv1.PriorityLevelConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: "x"},
		Spec: flowcontrolv1.PriorityLevelConfigurationSpec{
			Type:    flowcontrolv1.PriorityLevelEnablementLimited,
			Limited: &flowcontrolv1.LimitedPriorityLevelConfiguration{NominalConcurrencyShares: &shares, LimitResponse: response},
		},
	}
}

func queuing(queues, hand, length int32) flowcontrolv1.LimitResponse {
	return flowcontrolv1.LimitResponse{
		Type:    flowcontrolv1.LimitResponseTypeQueue,
		Queuing: &flowcontrolv1.QueuingConfiguration{Queues: queues, HandSize: hand, QueueLengthLimit: length},
	}
}

// flowSchema makes all requests of a group be of a level, each user a flow.
func flowSchema(name, level, group string, precedence int32) *flowcontrolv1.FlowSchema {
	return &flowcontrolv1.FlowSchema{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: level},
			MatchingPrecedence:         precedence,
			DistinguisherMethod:        &flowcontrolv1.FlowDistinguisherMethod{Type: flowcontrolv1.FlowDistinguisherMethodByUserType},
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects: []flowcontrolv1.Subject{{Kind: flowcontrolv1.SubjectKindGroup, Group: &flowcontrolv1.GroupSubject{Name: group}}},
				ResourceRules: []flowcontrolv1.ResourcePolicyRule{{
					Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}, Namespaces: []string{"*"}, ClusterScope: true,
				}},
				NonResourceRules: []flowcontrolv1.NonResourcePolicyRule{{Verbs: []string{"*"}, NonResourceURLs: []string{"*"}}},
			}},
		},
	}
}

// setUp makes a level for the system and one for everybody else.
func (w *world) setUp(t testing.TB, response flowcontrolv1.LimitResponse) {
	for _, level := range []*flowcontrolv1.PriorityLevelConfiguration{limited("system", 30, queuing(16, 4, 50)), limited("others", 70, response)} {
		_, err := typed.Create(t.Context(), w.objects, level)
		require.NoError(t, err)
	}
	for _, s := range []*flowcontrolv1.FlowSchema{
		flowSchema("nodes", "system", "system:nodes", 100), flowSchema("everybody", "others", "system:authenticated", 9000),
	} {
		_, err := typed.Create(t.Context(), w.objects, s)
		require.NoError(t, err)
	}
	synctest.Wait()
}

// create makes a config map as a user and returns the answer and how long it took.
func (w *world) create(t testing.TB, user, group string) (*httptest.ResponseRecorder, time.Duration) {
	return w.send(t, user, group, "POST", "/api/v1/namespaces/a/configmaps", `{"metadata":{"generateName":"c-"}}`)
}

func (w *world) send(t testing.TB, user, group, method, path, body string) (*httptest.ResponseRecorder, time.Duration) {
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	rec := httptest.NewRecorder()
	began := time.Now()
	auth.As(&apiserver.User{Name: user, Groups: []string{group}}, w.Server).ServeHTTP(rec, r)
	return rec, time.Since(began)
}

// TestLimiter_flood has one user send far more than the server can do, while a node
// goes on with its work as if nothing were.
func TestLimiter_flood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 20) // 6 seats for the system, 14 for the others
		w.setUp(t, queuing(8, 2, 10))
		var flood sync.WaitGroup
		var mu sync.Mutex
		codes := map[int]int{}
		for range 300 {
			flood.Go(func() {
				rec, _ := w.create(t, "mallory", "users")
				if rec.Code == 429 && (rec.Header().Get("Retry-After") != "1" || rec.Body.String() != "Too many requests, please try again later.\n") {
					t.Errorf("429 with %v: %s", rec.Header(), rec.Body)
				}
				mu.Lock()
				defer mu.Unlock()
				codes[rec.Code]++
			})
		}
		synctest.Wait()
		for range 10 {
			rec, took := w.create(t, "system:node:n1", "system:nodes")
			require.Equal(t, 201, rec.Code, rec.Body)
			require.Equal(t, work, took, "a node does not wait")
		}
		flood.Wait()
		require.Equal(t, map[int]int{201: 14 + 2*10, 429: 300 - 34}, codes, "the seats, and two queues of its hand")
	})
}

// TestLimiter_fair lets a user with little to do pass by another's queue.
func TestLimiter_fair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2) // one seat for the others, and one that they could not borrow more of
		w.setUp(t, queuing(64, 1, 50))
		var busy sync.WaitGroup
		for range 12 {
			busy.Go(func() { w.create(t, "mallory", "users") })
		}
		time.Sleep(work / 2)
		rec, took := w.create(t, "alice", "users")
		require.Equal(t, 201, rec.Code)
		require.LessOrEqual(t, took, 3*work, "she waits for one of his at most, not for all")
		busy.Wait()
	})
}

// TestLimiter_waits no longer than a quarter of the request's time.
func TestLimiter_waits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.setUp(t, queuing(1, 1, 50))
		var busy sync.WaitGroup
		for range 40 {
			busy.Go(func() { w.create(t, "mallory", "users") })
		}
		time.Sleep(time.Millisecond)
		rec, took := w.send(t, "alice", "users", "GET", "/api/v1/namespaces/a/secrets?timeout=8s", "")
		require.Equal(t, 429, rec.Code)
		require.Equal(t, 2*time.Second, took)
		busy.Wait()
	})
}

// TestLimiter_watch holds a seat only while it starts, and streams of lists take more.
func TestLimiter_watch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		w.setUp(t, flowcontrolv1.LimitResponse{Type: flowcontrolv1.LimitResponseTypeReject})
		ctx, cancel := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		for range 50 {
			watching.Go(func() {
				r := httptest.NewRequestWithContext(ctx, "GET", "/api/v1/secrets?watch=true", nil)
				auth.As(&apiserver.User{Name: "alice"}, w.Server).ServeHTTP(httptest.NewRecorder(), r)
			})
			synctest.Wait()
		}
		rec, _ := w.send(t, "alice", "users", "GET", "/api/v1/namespaces/a/secrets", "")
		require.Equal(t, 200, rec.Code, "fifty watches take no seat")
		require.NotEmpty(t, rec.Header().Get("X-Kubernetes-PF-FlowSchema-UID"))
		require.NotEmpty(t, rec.Header().Get("X-Kubernetes-PF-PriorityLevel-UID"))
		cancel()
		watching.Wait()
	})
}

// TestLimiter_status says of a FlowSchema whether its level is there.
func TestLimiter_status(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		_, err := typed.Create(t.Context(), w.objects, flowSchema("lost", "nowhere", "g", 1))
		require.NoError(t, err)
		synctest.Wait()
		condition := func() flowcontrolv1.FlowSchemaCondition {
			s, err := typed.Get[*flowcontrolv1.FlowSchema](t.Context(), w.objects, "", "lost")
			require.NoError(t, err)
			require.Len(t, s.Status.Conditions, 1)
			return s.Status.Conditions[0]
		}
		require.Equal(t, flowcontrolv1.ConditionTrue, condition().Status)
		require.Contains(t, condition().Message, `"nowhere" but there is no such object`)
		_, err = typed.Create(t.Context(), w.objects, limited("nowhere", 1, queuing(1, 1, 1)))
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, flowcontrolv1.ConditionFalse, condition().Status)
		rec, _ := w.send(t, "root", "system:masters", "GET", "/metrics", "")
		require.Contains(t, rec.Body.String(), `apiserver_flowcontrol_nominal_limit_seats{priority_level="nowhere"} 4`)
	})
}

func Example() {
	storage := apiserver.NewStorage(memstore.New(), kinds.Registry(), nil)
	limiter, err := fairness.New(fairness.Options{Storage: storage})
	if err != nil {
		panic(err)
	}
	// Give it to apiserver.Config as Limiter, and run both. Without any
	// configuration it lets everything pass.
	release, err := limiter.Begin(context.Background(), http.Header{}, &apiserver.Attributes{User: &apiserver.User{Name: "alice"}}, 1)
	fmt.Println(err)
	release()
	// Output: <nil>
}
