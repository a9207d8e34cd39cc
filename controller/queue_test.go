package controller

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A story drives a queue by hand. Times are seconds after the start.
type story struct {
	t     *testing.T
	q     *queue
	start time.Time
	now   time.Time
}

func newStory(t *testing.T) *story {
	start := time.Unix(1000, 0)
	return &story{t: t, q: newQueue(), start: start, now: start}
}

func key(name string) Key { return Key{Name: name} }

// next expects what next answers: a key, "" for nothing, or "@5" for nothing
// before second 5.
func (s *story) next(want string) {
	s.t.Helper()
	k, _, at, ok := s.q.next(s.now)
	got := k.Name
	if !ok && !at.IsZero() {
		got = fmt.Sprintf("@%g", at.Sub(s.start).Seconds())
	}
	require.Equal(s.t, want, got)
}

func (s *story) at(seconds float64) {
	s.now = s.start.Add(time.Duration(seconds * float64(time.Second)))
}

func TestQueue_DeduplicatesAndKeepsOrder(t *testing.T) {
	s := newStory(t)
	require.True(t, s.q.add(key("a"), s.now))
	require.True(t, s.q.add(key("b"), s.now))
	require.False(t, s.q.add(key("a"), s.now))
	require.Equal(t, 2, s.q.depth())
	s.next("a")
	s.next("b")
	s.next("")
}

func TestQueue_NeverRunsAKeyTwiceAtATime(t *testing.T) {
	s := newStory(t)
	s.q.add(key("a"), s.now)
	s.next("a")
	s.q.add(key("a"), s.now)
	s.q.add(key("a"), s.now)
	s.next("") // it is running
	s.q.done(key("a"))
	s.next("a") // once more, for what came meanwhile
	s.q.done(key("a"))
	s.next("")
}

func TestQueue_WaitsForTheEarliestTime(t *testing.T) {
	s := newStory(t)
	s.q.addAt(key("late"), s.start.Add(9*time.Second))
	s.q.addAt(key("a"), s.start.Add(7*time.Second))
	s.q.addAt(key("a"), s.start.Add(5*time.Second))
	s.q.addAt(key("a"), s.start.Add(6*time.Second))
	s.next("@5")
	s.at(5)
	s.next("a")
	s.next("@9")
	s.at(20)
	s.next("late")
	s.next("")
}

func TestQueue_BacksOffEachKeyByItself(t *testing.T) {
	s := newStory(t)
	for i, want := range []time.Duration{5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond} {
		s.q.add(key("bad"), s.now)
		s.next("bad")
		s.q.done(key("bad"))
		require.Equal(t, want, s.q.failed(key("bad"), s.now), i)
	}
	s.q.add(key("good"), s.now)
	s.next("good") // does not wait for the other
	s.q.succeeded(key("bad"))
	require.Equal(t, 5*time.Millisecond, s.q.failed(key("bad"), s.now), "success forgets")
	require.Equal(t, LongestBackoff, backoff(60))
	require.Equal(t, LongestBackoff, backoff(1<<40))
}

// TestQueue_LosesNothing plays random workers: a key that was added runs after the add.
func TestQueue_LosesNothing(t *testing.T) {
	for seed := range uint64(50) {
		dice := rand.New(rand.NewPCG(seed, 1))
		s := newStory(t)
		asked, served := map[Key]int{}, map[Key]int{} // by the number of the last step
		running := map[Key]bool{}
		for step := 1; step <= 500 || len(running) > 0; step++ {
			s.now = s.now.Add(time.Duration(dice.IntN(20)) * time.Millisecond)
			k := key(strings.Repeat("k", 1+dice.IntN(5)))
			switch dice.IntN(4) {
			case 0:
				if step <= 500 {
					s.q.add(k, s.now)
					asked[k] = step
				}
			case 1, 2:
				if k, _, _, ok := s.q.next(s.now); ok {
					require.False(t, running[k], "%s runs twice at a time", k)
					running[k], served[k] = true, step
				}
			case 3:
				for k := range running {
					delete(running, k)
					s.q.done(k)
					if dice.IntN(2) == 0 && step <= 500 {
						s.q.failed(k, s.now)
						asked[k] = step
					}
					break
				}
			}
		}
		for {
			s.now = s.now.Add(LongestBackoff)
			k, _, _, ok := s.q.next(s.now)
			if !ok {
				break
			}
			served[k] = 1 << 30
			s.q.done(k)
		}
		for k, step := range asked {
			require.Greater(t, served[k], step, "%s of seed %d was asked for and did not run", k, seed)
		}
		require.Empty(t, s.q.queued)
		require.Empty(t, s.q.running)
		require.Empty(t, s.q.waiting)
		require.Empty(t, s.q.addedAt)
	}
}
