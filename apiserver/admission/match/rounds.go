package match

import (
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
)

// Rounds remembers, from one round of mutation to the next, which of a hook's
// webhooks or policies are to be asked again: those that want to be, and after
// which somebody else has changed the object. K identifies one.
type Rounds[K comparable] struct {
	willing map[K]bool // asked, and ready to be asked again
	due     map[K]bool // to be asked again in the next round
	left    api.Object // the object as the hook left it
}

// RoundsOf returns what hook has noted about a request, or begins to note it.
func RoundsOf[K comparable](a *apiserver.Admission, hook any) *Rounds[K] {
	if noted, ok := a.Note(hook).(*Rounds[K]); ok {
		return noted
	}
	r := &Rounds[K]{willing: map[K]bool{}, due: map[K]bool{}}
	a.SetNote(hook, r)
	return r
}

// Begin looks whether others have changed the object since the last round.
func (r *Rounds[K]) Begin(a *apiserver.Admission) {
	if a.Reinvoked() && r.left != nil && !equality.Semantic.DeepEqual(r.left, a.Object) {
		r.allDue()
	}
}

// End remembers the object as it is left, if there can be another round.
func (r *Rounds[K]) End(a *apiserver.Admission) {
	if len(r.willing)+len(r.due) > 0 && !a.Reinvoked() && a.Object != nil {
		r.left = api.Clone(a.Object)
	}
}

// Skip says that key is not asked in this round.
func (r *Rounds[K]) Skip(a *apiserver.Admission, key K) bool { return a.Reinvoked() && !r.due[key] }

// Changed says that the object was changed by the one just asked: all that were
// asked before may want to see it again, and so may the other hooks.
func (r *Rounds[K]) Changed(a *apiserver.Admission) {
	r.allDue()
	a.Reinvoke()
}

// Willing says that key, just asked, wants to see what others change later.
func (r *Rounds[K]) Willing(key K) { r.willing[key] = true }

func (r *Rounds[K]) allDue() {
	for key := range r.willing {
		r.due[key] = true
	}
	clear(r.willing)
}
