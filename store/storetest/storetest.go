package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
)

// Options say what a store cannot do, and what it can do beyond the contract.
// The zero value is for a store that does all of the contract and forgets
// everything when it closes.
type Options struct {
	// Reopen closes a store and opens it again, on the same data. Nil for a
	// store that does not outlive its Close.
	Reopen func(store.Store) (store.Store, error)
	// MinTTL is the shortest time to live that the store knows. Zero means
	// one second.
	MinTTL time.Duration
	// TTLSlack is how late beyond the contract's second keys may expire.
	TTLSlack time.Duration
	// BufferedWatch says that watchers hold events that they have not delivered
	// yet, so that a compaction does not overtake those that are a little behind.
	BufferedWatch bool
	// Patience is how long a case waits for what must come, and a third of how
	// long it may take. It is spent on failures only. Zero means 20 seconds.
	Patience time.Duration
	// Seed replays the random cases of an earlier run. Zero means a new one.
	Seed uint64
}

// A testCase is one rule and how to break it.
type testCase struct {
	name string
	rule string
	run  func(*env)
}

// cases are all cases, in the order in which a new store should come to pass them.
var cases = []testCase{
	{"revisions count writes", `The first revision is 1, every successful write gets the
		next one, and a write that fails gets none.`, testRevisions},
	{"create", `Create writes a key that is not there. If it is, it returns ErrExists
		as a ConflictError with the key found, and changes nothing.`, testCreate},
	{"update", `Update writes a key that is there, at the revision given or at any.
		ErrNotFound and ErrConflict, with the key found, change nothing.`, testUpdate},
	{"delete", `Delete removes a key at the revision given or at any, and returns it
		as it was. A key that is created again starts with version 1.`, testDelete},
	{"bad writes", `A write without a key, or with a negative time to live, is refused.`, testBadWrites},
	{"create race", `Of many that create one key, one succeeds.`, testCreateRace},
	{"update race", `Of many that update one key from one revision, one succeeds: a
		counter that is read and written with a condition loses no step.`, testUpdateRace},

	{"get at every revision", `Get returns the key as of any kept revision, and the revision
		that was read at, also when the key is not there.`, testGetAtRevision},
	{"future revision", `A read at a revision that has not been written gives
		ErrFutureRevision.`, testFutureRevision},
	{"list", `List returns the keys of a range in the order of their bytes, with the
		count of the whole range whatever the limit.`, testList},
	{"list at every revision", `List returns the keys, and their count, as of any kept
		revision.`, testListAtRevision},
	{"prefix edges", `A prefix contains the keys that begin with it and no others: a/ is
		not a, and ab is in a but not in a/.`, testPrefixEdges},
	{"pages", `Pages at one revision together are the range at that revision, whatever is
		written meanwhile.`, testPages},
	{"odd keys and values", `Keys and values are bytes: any byte, and values from none to a
		mebibyte, come back as they were.`, testOddValues},

	{"watch", `A watch delivers each change to a key of its range once, in order, with
		the key before and after.`, testWatch},
	{"watch from every revision", `A watch after a revision delivers all later changes,
		whenever they happened.`, testWatchReplay},
	{"watch from now", `A watch after zero delivers what is written after it began.`, testWatchFromNow},
	{"watch the future", `A watch after a revision that has not been written gives
		ErrFutureRevision.`, testWatchFuture},
	{"list then watch", `A watch from the revision of a list misses nothing and repeats
		nothing, whatever is written meanwhile.`, testListThenWatch},
	{"many watchers", `Hundreds of watchers see the same changes in the same order.`, testManyWatchers},
	{"slow watcher", `A watcher that does not read holds up no writer, and loses nothing.`, testSlowWatcher},
	{"batches", `Revisions of batches never fall, and cover the events in them.`, testBatches},
	{"progress", `After Progress, Next returns a batch at the current revision, though
		nothing changed in the range.`, testProgress},
	{"progress under load", `A batch that reports progress to a revision comes after every event
		up to it.`, testProgressUnderLoad},
	{"end of a watch", `Close, and the end of the watch's context, end a Next under way.`, testWatchEnds},

	{"compact", `After Compact, reads below the revision and watches from before it give
		ErrCompacted; what came later stays readable.`, testCompact},
	{"compact what cannot be", `Compacting again at or below a compacted revision gives
		ErrCompacted, above the current one ErrFutureRevision.`, testCompactErrors},
	{"compact under a watcher", `A watcher that is overtaken by a compaction gets ErrCompacted; one
		that has seen all goes on.`, testCompactWatcher},

	{"time to live", `A key is deleted within a second after its time to live, as an ordinary
		event; not before.`, testTTL},
	{"time to live replaced", `An update replaces the time to live; one without it makes the key
		stay.`, testTTLReplaced},

	{"ended contexts", `A method whose context has ended returns its error and does
		nothing.`, testEndedContexts},
	{"close", `After Close every method returns ErrClosed, and watches end with it. Closing
		twice is allowed.`, testClose},
	{"close while busy", `Close under load neither hangs nor breaks a call: each succeeds or
		returns ErrClosed.`, testCloseWhileBusy},
	{"reopen", `A store that is closed and opened again is the same: keys, revisions, history
		and times to live.`, testReopen},

	{"linearizability", `There is an order of all operations, each between its call and its
		return, that explains every answer.`, testLinearizable},
	{"model", `Whatever the operations, the store answers as a map for each revision would.`, testModel},
}

// Run runs every case as a parallel subtest, each with a store of its own. What
// open returns is closed at the end of the subtest.
func Run(t *testing.T, open func(t *testing.T) store.Store, opts Options) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.name == "reopen" && opts.Reopen == nil {
				t.Skip("Options.Reopen is not set: the store does not outlive its Close")
			}
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the rule: %s", oneLine(c.rule))
				}
			})
			e := newEnv(t, open(t), opts)
			c.run(e)
		})
	}
}

// Check runs every case, one after the other, and returns an error that says
// which rules were broken and how. What open returns is closed.
func Check(open func() (store.Store, error), opts Options) error {
	var broken []error
	for _, c := range cases {
		if c.name == "reopen" && opts.Reopen == nil {
			continue
		}
		r := &recorder{}
		r.run(func() {
			s, err := open()
			require.NoError(r, err, "open a store")
			c.run(newEnv(r, s, opts))
		})
		if r.failed {
			broken = append(broken, fmt.Errorf("%s: %s\n%s", c.name, oneLine(c.rule), r.log.String()))
		}
	}
	return errors.Join(broken...)
}

// tb is what cases need of a testing.T.
type tb interface {
	require.TestingT
	Helper()
	Logf(format string, args ...any)
	Context() context.Context
	Cleanup(func())
}
