package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/client/faulty"
)

// follow starts an informer that writes what its handler sees into the story.
func follow(t *testing.T, c *client.Client) (*client.Informer[*corev1.ConfigMap], *[]string) {
	informer := client.NewInformer(c, client.InformerOptions[*corev1.ConfigMap]{
		Indexes: map[string]func(*corev1.ConfigMap) []string{
			"value": func(cm *corev1.ConfigMap) []string { return []string{cm.Data["value"]} },
		},
	})
	story := &[]string{}
	informer.OnChange(func(old, new *corev1.ConfigMap) {
		switch {
		case old == nil:
			*story = append(*story, fmt.Sprintf("+%s=%s", new.Name, new.Data["value"]))
		case new == nil:
			*story = append(*story, fmt.Sprintf("-%s=%s", old.Name, old.Data["value"]))
		default:
			*story = append(*story, fmt.Sprintf("%s=%s->%s", old.Name, old.Data["value"], new.Data["value"]))
		}
	})
	run(t, informer.Run)
	return informer, story
}

func eachServer(t *testing.T, test func(t *testing.T, s *server)) {
	for _, proto := range []bool{false, true} {
		for _, noWatchList := range []bool{false, true} {
			t.Run(fmt.Sprintf("proto=%v,noWatchList=%v", proto, noWatchList), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newServer()
					s.proto, s.noWatchList = proto, noWatchList
					test(t, s)
				})
			})
		}
	}
}

func TestInformer_TellsTheStory(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		s.set("a", "1")
		s.set("b", "1")
		informer, story := follow(t, s.client(t))
		<-informer.Synced()
		synctest.Wait()
		require.Equal(t, []string{"+a=1", "+b=1"}, *story)

		s.set("a", "2")
		s.delete("b")
		s.set("c", "2")
		synctest.Wait()
		require.Equal(t, []string{"+a=1", "+b=1", "a=1->2", "-b=1", "+c=2"}, *story)

		a, ok := informer.Get("default", "a")
		require.True(t, ok)
		require.Equal(t, "2", a.Data["value"])
		require.Equal(t, "ConfigMap", a.Kind)
		_, ok = informer.Get("default", "b")
		require.False(t, ok)
		require.Len(t, informer.ByIndex("value", "2"), 2)
		require.Empty(t, informer.ByIndex("value", "1"))
		require.Len(t, informer.List("default", nil), 2)
		require.Empty(t, informer.List("elsewhere", nil))
		require.Empty(t, informer.List("", labels.SelectorFromSet(labels.Set{"value": "1"})))
	})
}

func TestInformer_ResumesWhereTheWatchEnded(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		s.set("a", "1")
		informer, story := follow(t, s.client(t))
		<-informer.Synced()
		time.Sleep(time.Minute)
		synctest.Wait()
		lists, watches := s.lists, s.watches
		s.hangUp()
		s.set("a", "2")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"+a=1", "a=1->2"}, *story)
		require.Equal(t, lists, s.lists, "no second list")
		require.Equal(t, watches+1, s.watches)
	})
}

func TestInformer_MissesNoDeletionWhenHistoryIsGone(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		s.set("a", "1")
		s.set("b", "1")
		s.set("c", "1")
		informer, story := follow(t, s.client(t))
		<-informer.Synced()
		time.Sleep(time.Minute)
		synctest.Wait()
		*story = nil
		s.hangUp() // all of this between two watches
		s.delete("a")
		s.delete("b")
		s.set("b", "2") // another object of the same name
		s.set("c", "2")
		s.set("d", "2")
		s.forget()
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{"-a=1", "-b=1", "+b=2", "c=1->2", "+d=2"}
		require.Equal(t, want, *story)
	})
}

func TestInformer_ConvergesUnderFaults(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			s := newServer()
			s.proto = seed%2 == 0
			transport := faulty.New(client.InMemory(s), faulty.Options{
				Seed: seed, Fail: 0.2, Drop: 0.3, Delay: 500 * time.Millisecond, After: 2000,
			})
			c, err := client.New(client.Config{BaseURL: "http://test", Transport: transport})
			require.NoError(t, err)
			informer, _ := follow(t, c)
			seen := map[string]string{} // what handlers were told, replayed
			for i := range 200 {
				name := fmt.Sprintf("m%d", i%7)
				if i%3 == 2 && s.objects[name] != nil {
					s.delete(name)
				} else {
					s.set(name, fmt.Sprint(i))
				}
				if i%50 == 49 {
					s.forget()
				}
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			for _, cm := range informer.List("", nil) {
				seen[cm.Name] = cm.Data["value"]
			}
			want := map[string]string{}
			for name, cm := range s.objects {
				want[name] = cm.Data["value"]
			}
			require.Equal(t, want, seen, "seed %d", seed)
		})
	}
}

func TestInformer_SurvivesAServerThatStartsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.set("a", "1")
		up := time.Now().Add(time.Minute)
		transport := faulty.Func(func() error {
			if time.Now().Before(up) {
				return errors.New("connection refused")
			}
			return nil
		}, client.InMemory(s))
		c, err := client.New(client.Config{BaseURL: "http://test", Transport: transport})
		require.NoError(t, err)
		informer, _ := follow(t, c)
		<-informer.Synced()
		require.Less(t, time.Since(up), 46*time.Second, "the longest pause with its jitter")
	})
}

func TestInformers_ShareOneForAType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.set("a", "1")
		set := client.NewInformers(s.client(t))
		one := client.Shared[*corev1.ConfigMap](set)
		require.Same(t, one, client.Shared[*corev1.ConfigMap](set))
		run(t, set.Run)
		require.NoError(t, set.WaitForSync(t.Context()))
		require.Len(t, one.List("", nil), 1)
		require.Panics(t, func() { client.Shared[*corev1.Pod](set) })
		require.Panics(t, func() { one.OnChange(func(old, new *corev1.ConfigMap) {}) })
		require.ErrorContains(t, one.Run(t.Context()), "has run before")
	})
}

func TestWatch_EndsAsItShould(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		maps := client.For[*corev1.ConfigMap](s.client(t))
		s.set("a", "1")
		w, err := maps.Watch(t.Context(), "default", client.WatchOptions{ResourceVersion: "1"})
		require.NoError(t, err)
		event, err := w.Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, watch.Added, event.Type)
		require.Equal(t, "a", event.Object.Name)

		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err = w.Next(soon)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		s.set("a", "2")
		event, err = w.Next(t.Context())
		require.NoError(t, err, "a watch outlives an impatient caller")
		require.Equal(t, watch.Modified, event.Type)

		s.hangUp()
		_, err = w.Next(t.Context())
		require.ErrorIs(t, err, io.EOF)
		w.Close()
		w.Close()

		s.forget()
		w, err = maps.Watch(t.Context(), "default", client.WatchOptions{ResourceVersion: "1"})
		require.NoError(t, err)
		_, err = w.Next(t.Context())
		require.True(t, apierrors.IsResourceExpired(err), "%v", err)
		w.Close()
	})
}
