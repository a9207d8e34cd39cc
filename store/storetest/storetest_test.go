package storetest_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
	"github.com/coracle-k8s/coracle/store/storetest"
)

func ExampleCheck() {
	err := storetest.Check(func() (store.Store, error) { return memstore.New(), nil }, storetest.Options{})
	fmt.Println(err)
	// Output: <nil>
}

// Each of these stores breaks a rule; the kit must say which.

// careless updates whatever the revision.
type careless struct{ store.Store }

func (s careless) Update(ctx context.Context, key string, value []byte, _ int64, ttl time.Duration) (int64, error) {
	return s.Store.Update(ctx, key, value, 0, ttl)
}

// miscounting counts the page, not the range.
type miscounting struct{ store.Store }

func (s miscounting) List(ctx context.Context, r store.Range, opts store.ListOptions) (store.ListResult, error) {
	result, err := s.Store.List(ctx, r, opts)
	if !opts.CountOnly {
		result.Count = int64(len(result.Items))
	}
	return result, err
}

// sloppy takes every key that begins like the range for one of it.
type sloppy struct{ store.Store }

func (s sloppy) List(ctx context.Context, r store.Range, opts store.ListOptions) (store.ListResult, error) {
	return s.Store.List(ctx, store.Prefix(strings.TrimSuffix(r.Start, "/")), opts)
}

// forgetful loses an event in fifty.
type forgetful struct{ store.Store }

func (s forgetful) Watch(ctx context.Context, r store.Range, after int64) (store.Watcher, error) {
	w, err := s.Store.Watch(ctx, r, after)
	return &forgetfulWatcher{Watcher: w}, err
}

type forgetfulWatcher struct {
	store.Watcher
	seen int
}

func (w *forgetfulWatcher) Next(ctx context.Context) (store.Batch, error) {
	batch, err := w.Watcher.Next(ctx)
	w.seen += len(batch.Events)
	if w.seen >= 50 {
		w.seen, batch.Events = 0, batch.Events[1:]
	}
	return batch, err
}

// hasty reports progress without looking whether there is something to deliver.
// It takes its time over it, so that others have written meanwhile, if they are
// going to.
type hasty struct{ store.Store }

func (s hasty) Watch(ctx context.Context, r store.Range, after int64) (store.Watcher, error) {
	w, err := s.Store.Watch(ctx, r, after)
	return &hastyWatcher{w, s.Store}, err
}

type hastyWatcher struct {
	store.Watcher
	s store.Store
}

func (w *hastyWatcher) Next(ctx context.Context) (store.Batch, error) {
	batch, err := w.Watcher.Next(ctx)
	delivered := batch.Revision
	for tries := 0; err == nil && tries < 20 && batch.Revision < delivered+10; tries++ {
		runtime.Gosched()
		batch.Revision, err = w.s.Revision(ctx)
	}
	return batch, err
}

// stale reads what was there one write ago.
type stale struct{ store.Store }

func (s stale) Get(ctx context.Context, key string, rev int64) (store.KeyValue, int64, error) {
	if now, err := s.Revision(ctx); rev == 0 && err == nil && now > 100 {
		rev = now - 1
	}
	return s.Store.Get(ctx, key, rev)
}

func TestCheck_findsWhatIsBroken(t *testing.T) {
	for name, c := range map[string]struct {
		open   func() store.Store
		broken []string
	}{
		"careless":    {func() store.Store { return careless{memstore.New()} }, []string{"update:", "update race:", "linearizability:"}},
		"miscounting": {func() store.Store { return miscounting{memstore.New()} }, []string{"list:", "pages:"}},
		"sloppy":      {func() store.Store { return sloppy{memstore.New()} }, []string{"prefix edges:"}},
		"forgetful":   {func() store.Store { return forgetful{memstore.New()} }, []string{"list then watch:"}},
		"hasty":       {func() store.Store { return hasty{memstore.New()} }, []string{"progress under load:"}},
		"stale":       {func() store.Store { return stale{memstore.New()} }, []string{"linearizability:"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := storetest.Check(func() (store.Store, error) { return c.open(), nil }, storetest.Options{Patience: time.Second})
			require.Error(t, err)
			for _, broken := range c.broken {
				require.ErrorContains(t, err, broken, "the rule that was broken")
			}
		})
	}
}
