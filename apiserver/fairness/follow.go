package fairness

import (
	"context"
	"fmt"
	"slices"
	"sync"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// A configuration is the objects as they were last seen.
type configuration struct {
	schemas []*flowcontrolv1.FlowSchema
	levels  []*flowcontrolv1.PriorityLevelConfiguration
}

// Run follows the configuration until ctx ends.
func (l *Limiter) Run(ctx context.Context) error {
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() {
		_ = l.opts.Storage.Follow(ctx, typed.Resource[*flowcontrolv1.PriorityLevelConfiguration](), func(objects []api.Object) {
			levels := make([]*flowcontrolv1.PriorityLevelConfiguration, 0, len(objects))
			for _, obj := range objects {
				levels = append(levels, obj.(*flowcontrolv1.PriorityLevelConfiguration))
			}
			l.configure(func(c *configuration) { c.levels = levels })
			l.mark(ctx)
		})
	})
	return l.opts.Storage.Follow(ctx, typed.Resource[*flowcontrolv1.FlowSchema](), func(objects []api.Object) {
		l.configure(func(c *configuration) { c.schemas = byPrecedence(objects) })
		l.mark(ctx)
	})
}

// configure changes the configuration. Requests under way keep their seats.
func (l *Limiter) configure(change func(*configuration)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.config)
	seats, uids := share(l.opts.Seats, l.config.levels), map[string]string{}
	kept := make([]*level, 0, len(l.config.levels))
	for _, config := range l.config.levels {
		lv := l.levelLocked(config.Name)
		if lv == nil {
			lv = &level{name: config.Name}
		}
		lv.configure(config, seats[config.Name])
		kept = append(kept, lv)
		uids[config.Name] = string(config.UID)
	}
	for _, lv := range l.levels {
		lv.gone = !slices.Contains(kept, lv)
	}
	old := l.levels
	l.levels = kept
	for _, lv := range append(old, kept...) { // one that is gone lets go whoever waits
		l.dispatchLocked(lv)
	}
	var schemas []schema
	for _, s := range l.config.schemas {
		if lv := l.levelLocked(s.Spec.PriorityLevelConfiguration.Name); lv != nil {
			schemas = append(schemas, schema{FlowSchema: s, level: lv, uid: uids[lv.name], figures: l.metrics.of(lv.name, s.Name)})
		}
	}
	l.schemas.Store(&schemas)
}

// configure sets a level's limits. Queues are dealt anew when none waits; until
// then requests go on in those they are in.
func (lv *level) configure(config *flowcontrolv1.PriorityLevelConfiguration, seats Seats) {
	lv.exempt, lv.Seats = config.Spec.Type == flowcontrolv1.PriorityLevelEnablementExempt, seats
	limited := config.Spec.Limited
	if limited == nil {
		return
	}
	lv.reject = limited.LimitResponse.Type == flowcontrolv1.LimitResponseTypeReject
	if q := limited.LimitResponse.Queuing; q != nil {
		lv.hand, lv.limit = int(q.HandSize), int(q.QueueLengthLimit)
		if lv.waiting == 0 && len(lv.all) != int(q.Queues) {
			lv.all = make([]*queue, q.Queues)
			for i := range lv.all {
				lv.all[i] = &queue{}
			}
		}
	}
}

// mark says in the status of each FlowSchema whether the level it names exists.
func (l *Limiter) mark(ctx context.Context) {
	for _, s := range l.dangling() {
		s.condition.LastTransitionTime = metav1.Now()
		err := l.apply(ctx, s)
		if err != nil && ctx.Err() == nil {
			l.opts.Logger.Warn("a FlowSchema's condition cannot be written", "flowschema", s.schema, "err", err)
		}
	}
}

// apply writes one condition, and leaves others to who writes them.
func (l *Limiter) apply(ctx context.Context, f finding) error {
	condition, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&f.condition)
	if err != nil {
		return err
	}
	r := typed.Resource[*flowcontrolv1.FlowSchema]()
	config := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{condition}}}}
	config.SetGroupVersionKind(r.GroupVersionKind)
	config.SetName(f.schema)
	return l.opts.Storage.Apply(ctx, r, config, "status", "api-priority-and-fairness-config-consumer-v1")
}

// A finding is a condition that a FlowSchema is to have.
type finding struct {
	schema    string
	condition flowcontrolv1.FlowSchemaCondition
}

// dangling returns what is to be changed about the conditions Dangling.
func (l *Limiter) dangling() []finding {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []finding
	for _, s := range l.config.schemas {
		name := s.Spec.PriorityLevelConfiguration.Name
		c := flowcontrolv1.FlowSchemaCondition{
			Type: flowcontrolv1.FlowSchemaConditionDangling, Status: flowcontrolv1.ConditionFalse, Reason: "Found",
			Message: fmt.Sprintf("This FlowSchema references the PriorityLevelConfiguration object named %q and it exists", name),
		}
		if l.levelLocked(name) == nil {
			c.Status, c.Reason = flowcontrolv1.ConditionTrue, "NotFound"
			c.Message = fmt.Sprintf("This FlowSchema references the PriorityLevelConfiguration object named %q but there is no such object", name)
		}
		if !hasCondition(s, c) {
			found = append(found, finding{schema: s.Name, condition: c})
		}
	}
	return found
}

func hasCondition(s *flowcontrolv1.FlowSchema, c flowcontrolv1.FlowSchemaCondition) bool {
	for _, have := range s.Status.Conditions {
		if have.Type == c.Type {
			return have.Status == c.Status && have.Message == c.Message
		}
	}
	return false
}
