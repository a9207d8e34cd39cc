package keytree_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/keytree"
)

func kv(key string) *store.KeyValue { return &store.KeyValue{Key: key} }

// keysIn collects the keys of a range.
func keysIn(t keytree.Tree, r store.Range) []string {
	keys := []string{}
	for kv := range t.In(r) {
		keys = append(keys, kv.Key)
	}
	return keys
}

func ExampleTree() {
	var empty keytree.Tree
	two := empty.With(kv("apple")).With(kv("pear"))
	three := two.With(kv("fig"))
	one := three.Without("pear").Without("apple")

	fmt.Println(keysIn(two, store.Everything))
	fmt.Println(keysIn(three, store.Everything))
	fmt.Println(keysIn(one, store.Everything))
	// Output:
	// [apple pear]
	// [apple fig pear]
	// [fig]
}

// A tree agrees with a map through thousands of random changes, and so does
// every older tree: changes leave it as it was.
func TestTree_agreesWithMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	type version struct {
		tree keytree.Tree
		want map[string]*store.KeyValue
	}
	var (
		tree     keytree.Tree
		want     = map[string]*store.KeyValue{}
		versions []version
	)
	for step := range 20_000 {
		key := fmt.Sprintf("%04d", random.IntN(4000))
		// Grow first, then shrink to almost nothing.
		if grow := step < 10_000; random.IntN(10) < 7 == grow {
			want[key] = kv(key)
			tree = tree.With(want[key])
		} else {
			delete(want, key)
			tree = tree.Without(key)
		}
		if step%1000 == 0 {
			versions = append(versions, version{tree, maps.Clone(want)})
		}
	}
	versions = append(versions, version{tree, want})
	for _, v := range versions {
		require.Equal(t, len(v.want), v.tree.Len())
		all := slices.Sorted(maps.Keys(v.want))
		require.Equal(t, all, keysIn(v.tree, store.Everything))
		for key, kv := range v.want {
			require.Same(t, kv, v.tree.Get(key))
		}
		for range 100 {
			r := store.Range{
				Start: fmt.Sprintf("%04d", random.IntN(4000)),
				End:   fmt.Sprintf("%04d", random.IntN(4000)),
			}
			inRange := slices.DeleteFunc(slices.Clone(all), func(k string) bool { return !r.Contains(k) })
			require.Equal(t, inRange, keysIn(v.tree, r), "range %v", r)
			require.Equal(t, len(inRange), v.tree.Count(r), "range %v", r)
		}
	}
}

func TestTree_emptiesAndFillsAgain(t *testing.T) {
	var tree keytree.Tree
	for round := range 3 {
		for i := range 5000 {
			tree = tree.With(kv(fmt.Sprint(i)))
		}
		require.Equal(t, 5000, tree.Len(), "round %d", round)
		for i := range 5000 {
			tree = tree.Without(fmt.Sprint(i))
		}
		require.Equal(t, keytree.Tree{}, tree, "round %d", round)
	}
}

func TestTree_stopsWhenToldTo(t *testing.T) {
	var tree keytree.Tree
	for i := range 1000 {
		tree = tree.With(kv(fmt.Sprintf("%03d", i)))
	}
	seen := 0
	for range tree.In(store.Range{Start: "500"}) {
		if seen++; seen == 70 {
			break
		}
	}
	require.Equal(t, 70, seen)
}

func BenchmarkTree(b *testing.B) {
	const n = 100_000
	var tree keytree.Tree
	keys := make([]string, n)
	for i, p := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		keys[i] = fmt.Sprintf("/registry/pods/namespace-%d/pod-%d", p%100, p)
		tree = tree.With(kv(keys[i]))
	}
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			tree.Get(keys[i%n])
		}
	})
	b.Run("with", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			tree.With(kv(keys[i%n]))
		}
	})
	b.Run("count", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tree.Count(store.Prefix("/registry/pods/namespace-5"))
		}
	})
}
