package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
)

// An input is an operation on one key, an output what came of it.
type (
	input struct {
		op         string // get, create, update or delete
		key, value string
		ifRevision int64
	}
	output struct {
		err      error // nil or one of the store's sentinels
		revision int64 // of the write, or of the key that was found
		value    string
	}
)

// A register is what the key is between two operations.
type register struct {
	exists   bool
	revision int64
	value    string
}

// model says which outputs an operation may have in which state. Keys do not
// depend on each other, so each one's history is checked for itself.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(input).key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return register{} },
	Step: func(state, in, out any) (bool, any) {
		return step(state.(register), in.(input), out.(output))
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %+v", in, out) },
}

// step reports whether out is a right answer, and what the key is then.
func step(r register, in input, out output) (bool, register) {
	found := out.revision == r.revision && out.value == r.value
	switch {
	case out.err == store.ErrNotFound:
		return !r.exists && in.op != "create", r
	case out.err == store.ErrExists:
		return r.exists && in.op == "create" && found, r
	case out.err == store.ErrConflict:
		return r.exists && in.ifRevision != r.revision && in.ifRevision != 0 && found, r
	case in.op == "get":
		return r.exists && found, r
	case in.op == "create" && r.exists, in.op != "create" && !r.exists, out.revision <= r.revision:
		return false, r
	case in.ifRevision != 0 && in.ifRevision != r.revision:
		return false, r
	case in.op == "delete":
		return out.value == r.value, register{revision: out.revision}
	}
	return true, register{exists: true, revision: out.revision, value: in.value}
}

func testLinearizable(e *env) {
	const clients, operations, keys = 8, 120, 3
	seed := e.seed()
	var (
		mu      sync.Mutex
		history []porcupine.Operation
		start   = time.Now()
	)
	e.together(clients, func(client int) error {
		random := rand.New(rand.NewPCG(seed, uint64(client)))
		last := map[string]int64{} // revisions that the client knows
		for n := range operations {
			in := randomInput(random, fmt.Sprint(client, ".", n), keys, last)
			runtime.Gosched() // let others come between, also where there is one processor
			called := time.Since(start)
			out, err := perform(e.ctx, e.s, in)
			returned := time.Since(start)
			if err != nil {
				return err
			}
			last[in.key] = out.revision
			mu.Lock()
			history = append(history, porcupine.Operation{
				ClientId: client, Input: in, Output: out, Call: int64(called), Return: int64(returned),
			})
			mu.Unlock()
		}
		return nil
	})
	result := porcupine.CheckOperationsTimeout(model, history, e.opts.Patience)
	require.Equal(e, porcupine.Ok, result, "no order of the %d operations explains the answers (Unknown: none was found in time)", len(history))
}

// randomInput returns an operation; half of the conditional ones have the
// revision the client saw last.
func randomInput(random *rand.Rand, value string, keys int, last map[string]int64) input {
	in := input{
		op:    []string{"get", "get", "create", "update", "update", "delete"}[random.IntN(6)],
		key:   fmt.Sprint("key", random.IntN(keys)),
		value: value,
	}
	if (in.op == "update" || in.op == "delete") && random.IntN(2) == 0 {
		in.ifRevision = last[in.key]
	}
	return in
}

// perform does the operation. An error is one that the model does not know.
func perform(ctx context.Context, s store.Store, in input) (output, error) {
	var out output
	var err error
	var kv store.KeyValue
	switch in.op {
	case "get":
		kv, _, err = s.Get(ctx, in.key, 0)
		out = output{revision: kv.ModRevision, value: string(kv.Value)}
	case "create":
		out.revision, err = s.Create(ctx, in.key, []byte(in.value), 0)
	case "update":
		out.revision, err = s.Update(ctx, in.key, []byte(in.value), in.ifRevision, 0)
	case "delete":
		kv, out.revision, err = s.Delete(ctx, in.key, in.ifRevision)
		out.value = string(kv.Value)
	}
	if err == nil {
		return out, nil
	}
	for _, known := range []error{store.ErrNotFound, store.ErrExists, store.ErrConflict} {
		if errors.Is(err, known) {
			out.err = known
		}
	}
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
		out.revision, out.value = conflict.Current.ModRevision, string(conflict.Current.Value)
	}
	if out.err == nil {
		return out, err
	}
	return out, nil
}
