package deployment_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/coracle-k8s/coracle/controller/deployment"
)

func ExampleRoll() {
	// Three pods are wanted, one more is allowed and none may be missing.
	bounds := deployment.Bounds{Surge: 1}
	old := deployment.Set{Name: "v1", Replicas: 3, Available: 3}
	fresh := deployment.Set{Name: "v2"}
	for old.Replicas > 0 {
		n, rest := deployment.Roll(3, bounds, fresh, []deployment.Set{old})
		fresh.Replicas, old.Replicas = n, rest["v1"]
		fmt.Printf("v1: %d  v2: %d\n", old.Replicas, fresh.Replicas)
		fresh.Available, old.Available = fresh.Replicas, old.Replicas // all pods come up at once
	}

	// Output:
	// v1: 3  v2: 1
	// v1: 2  v2: 1
	// v1: 2  v2: 2
	// v1: 1  v2: 2
	// v1: 1  v2: 3
	// v1: 0  v2: 3
}

func TestBoundsOf(t *testing.T) {
	for _, c := range []struct {
		surge, unavailable string
		replicas           int32
		want               deployment.Bounds
	}{
		{"25%", "25%", 3, deployment.Bounds{Surge: 1, Unavailable: 0}},
		{"25%", "25%", 10, deployment.Bounds{Surge: 3, Unavailable: 2}},
		{"0", "10%", 5, deployment.Bounds{Unavailable: 1}}, // rounded to nothing, a rollout would not move
		{"2", "5", 3, deployment.Bounds{Surge: 2, Unavailable: 3}},
		{"0", "1", 0, deployment.Bounds{}},
	} {
		surge, unavailable := intstr.Parse(c.surge), intstr.Parse(c.unavailable)
		d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{
			Replicas: &c.replicas,
			Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable}},
		}}
		require.Equal(t, c.want, deployment.BoundsOf(d), "%+v", c)
		d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
		require.Equal(t, deployment.Bounds{}, deployment.BoundsOf(d))
	}
}

func TestRoll(t *testing.T) {
	set := deployment.Set{Name: "new"}
	for _, c := range []struct {
		name     string
		wanted   int
		bounds   deployment.Bounds
		new, has int // replicas of the new set and how many are available
		old      []deployment.Set
		wantNew  int
		wantOld  map[string]int
	}{
		{"grows first", 10, deployment.Bounds{Surge: 3, Unavailable: 2}, 0, 0, []deployment.Set{{Name: "a", Replicas: 10, Available: 10}}, 3, map[string]int{"a": 10}},
		{"then shrinks to the least", 10, deployment.Bounds{Surge: 3, Unavailable: 2}, 3, 0, []deployment.Set{{Name: "a", Replicas: 10, Available: 10}}, 3, map[string]int{"a": 8}},
		{"waits for the new", 10, deployment.Bounds{Surge: 3, Unavailable: 2}, 5, 0, []deployment.Set{{Name: "a", Replicas: 8, Available: 8}}, 5, map[string]int{"a": 8}},
		{"a set that is too large shrinks alone", 3, deployment.Bounds{Surge: 1}, 5, 5, []deployment.Set{{Name: "a", Replicas: 2, Available: 2}}, 3, map[string]int{"a": 2}},
		{"broken pods go first, oldest set first", 4, deployment.Bounds{Unavailable: 1}, 1, 1,
			[]deployment.Set{{Name: "b", Created: 2, Replicas: 2, Available: 2}, {Name: "a", Created: 1, Replicas: 1}}, 1, map[string]int{"a": 0, "b": 2}},
		{"rollover: the oldest first", 4, deployment.Bounds{Surge: 1}, 2, 2,
			[]deployment.Set{{Name: "b", Created: 2, Replicas: 1, Available: 1}, {Name: "a", Created: 1, Replicas: 2, Available: 2}}, 2, map[string]int{"a": 1, "b": 1}},
		{"counts that lag are not trusted", 3, deployment.Bounds{Surge: 1}, 1, 3, []deployment.Set{{Name: "a", Replicas: 3, Available: 3}}, 1, map[string]int{"a": 2}},
		{"to nothing", 0, deployment.Bounds{}, 1, 1, []deployment.Set{{Name: "a", Replicas: 2, Available: 2}}, 0, map[string]int{"a": 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			set.Replicas, set.Available = c.new, c.has
			n, old := deployment.Roll(c.wanted, c.bounds, set, c.old)
			require.Equal(t, c.wantNew, n)
			require.Empty(t, cmp.Diff(c.wantOld, old))
		})
	}
}

// A world of pods that come up and fall over as chance has it, and that a
// rollout must respect: it knows only what it is told, as late as statuses are.
type world struct {
	random *rand.Rand
	sets   []deployment.Set
	up     map[string]int // available in truth, at most Replicas
}

// live lets some pods come up; broken sets stay down.
func (w *world) live(broken string) {
	for i := range w.sets {
		s := &w.sets[i]
		if s.Name != broken && w.up[s.Name] < s.Replicas {
			w.up[s.Name] += w.random.IntN(s.Replicas - w.up[s.Name] + 1)
		}
	}
}

func (w *world) report() {
	for i := range w.sets {
		w.sets[i].Available = w.up[w.sets[i].Name]
	}
}

func (w *world) count() (pods, available int) {
	for _, s := range w.sets {
		pods += s.Replicas
		available += w.up[s.Name]
	}
	return pods, available
}

// apply scales a set; the pods that are down go first.
func (w *world) apply(i, n int) {
	w.sets[i].Replicas = n
	w.up[w.sets[i].Name] = min(w.up[w.sets[i].Name], n)
}

func newWorld(seed uint64) (w *world, wanted int, b deployment.Bounds) {
	w = &world{random: rand.New(rand.NewPCG(seed, 1)), up: map[string]int{}}
	wanted = 1 + w.random.IntN(20)
	b = deployment.Bounds{Surge: w.random.IntN(wanted + 1), Unavailable: w.random.IntN(wanted + 1)}
	if b == (deployment.Bounds{}) {
		b.Unavailable = 1
	}
	left := wanted
	for i := range 1 + w.random.IntN(3) {
		n := w.random.IntN(left + 1)
		if i == 0 {
			n = left - n/2
		}
		left -= n
		w.sets = append(w.sets, deployment.Set{Name: fmt.Sprint("old-", i), Replicas: n, Created: int64(i)})
	}
	w.apply(0, w.sets[0].Replicas+left)
	for _, s := range w.sets {
		w.up[s.Name] = s.Replicas
	}
	w.sets = append(w.sets, deployment.Set{Name: "new", Created: 9})
	w.report()
	return w, wanted, b
}

func TestRoll_KeepsItsBoundsWhateverHappens(t *testing.T) {
	for seed := range uint64(500) {
		w, wanted, b := newWorld(seed)
		broken := ""
		if seed%3 == 0 {
			broken = "new"
		}
		for step := 0; step < 200; step++ {
			last := len(w.sets) - 1
			_, before := w.count()
			n, old := deployment.Roll(wanted, b, w.sets[last], w.sets[:last])
			w.apply(last, n)
			for i := range w.sets[:last] {
				w.apply(i, old[w.sets[i].Name])
			}
			pods, available := w.count()
			if pods > wanted+b.Surge || available < min(before, wanted-b.Unavailable) {
				t.Fatalf("seed %d: %d pods and %d available, want %d within %+v", seed, pods, available, wanted, b)
			}
			w.live(broken)
			if w.random.IntN(3) > 0 { // Statuses come late.
				w.report()
			}
		}
		last := len(w.sets) - 1
		rest, _ := w.count()
		rest -= w.sets[last].Replicas
		if broken == "" {
			require.Equal(t, wanted, w.up["new"], "seed %d: %+v of %d", seed, w.sets, wanted)
			require.Zero(t, rest, "seed %d", seed)
		} else {
			require.Equal(t, min(wanted-b.Unavailable, wanted), rest, "seed %d: the old that must serve stay, and no more", seed)
		}
	}
}

func TestProportion(t *testing.T) {
	a := func(n int) deployment.Set { return deployment.Set{Name: "a", Replicas: n, Created: 1} }
	b := func(n int) deployment.Set { return deployment.Set{Name: "b", Replicas: n, Created: 2} }
	for _, c := range []struct {
		total int
		sets  []deployment.Set
		want  map[string]int
	}{
		// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling
		{18, []deployment.Set{a(8), b(5)}, map[string]int{"a": 11, "b": 7}},
		{33, []deployment.Set{a(8), b(5)}, map[string]int{"a": 20, "b": 13}},
		{13, []deployment.Set{a(8), b(5)}, map[string]int{"a": 8, "b": 5}},
		// only one of the two could be written the last time
		{18, []deployment.Set{{Name: "a", Replicas: 11, Total: 18}, {Name: "b", Replicas: 5, Total: 13}}, map[string]int{"a": 11, "b": 7}},
		// fewer pods than the bounds allow: the largest set gets what is over
		{18, []deployment.Set{{Name: "a", Replicas: 8, Total: 13}, {Name: "b", Replicas: 2, Total: 13}}, map[string]int{"a": 15, "b": 3}},
		{3, []deployment.Set{a(1), b(1)}, map[string]int{"a": 2, "b": 1}},
		{0, []deployment.Set{a(4), b(2)}, map[string]int{"a": 0, "b": 0}},
		{5, nil, map[string]int{}},
	} {
		require.Equal(t, c.want, deployment.Proportion(c.total, c.sets))
	}
}

func TestProportion_AddsUp(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	for range 2000 {
		sets := make([]deployment.Set, 1+random.IntN(4))
		for i := range sets {
			sets[i] = deployment.Set{Name: fmt.Sprint(i), Replicas: 1 + random.IntN(30), Created: int64(i)}
		}
		total, sum := random.IntN(100), 0
		for _, n := range deployment.Proportion(total, sets) {
			require.GreaterOrEqual(t, n, 0)
			sum += n
		}
		require.Equal(t, total, sum)
	}
}
