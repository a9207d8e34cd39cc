package apiserver_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/store"
)

const watchList = "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"

func TestWatch_follows_changes_in_order(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		list := f.ok("GET", configMaps, "")
		w := f.watch(configMaps + "?watch=true&resourceVersion=" + list.revision())
		created := f.configMap("a")
		f.ok("PATCH", configMaps+"/a", `{"data":{"k":"v"}}`)
		f.ok("DELETE", configMaps+"/a", "")

		require.Equal(t, created.revision(), w.expect("ADDED a").revision())
		modified := w.expect("MODIFIED a")
		require.Equal(t, "v", modified.at("data.k"))
		deleted := w.expect("DELETED a")
		require.Equal(t, "v", deleted.at("data.k"), "the last state")
		require.Greater(t, deleted.revision(), modified.revision(), "the deletion has a revision of its own")

		again := f.watch(configMaps + "?watch=true&resourceVersion=" + modified.revision())
		require.Equal(t, deleted.revision(), again.expect("DELETED a").revision(), "replayed from the window")
	})
}

func TestWatch_without_revision_begins_with_the_state(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.configMap("b")
		f.configMap("a")
		w := f.watch(configMaps + "?watch=1")
		w.expect("ADDED a")
		w.expect("ADDED b")
		f.configMap("c")
		w.expect("ADDED c")
	})
}

func TestWatch_initial_events_end_with_a_bookmark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		empty := f.watch("/api/v1/secrets" + watchList)
		end := empty.expect("BOOKMARK")
		require.Equal(t, "Secret", end.text("kind"), "a bookmark is of the kind, even when there is none")
		require.Equal(t, "true", end.at("metadata.annotations").(map[string]any)["k8s.io/initial-events-end"])

		f.configMap("a")
		last := f.configMap("b")
		w := f.watch(configMaps + watchList)
		w.expect("ADDED a")
		w.expect("ADDED b")
		require.Equal(t, last.revision(), w.expect("BOOKMARK").revision())
		f.configMap("c")
		w.expect("ADDED c")
	})
}

func TestWatch_bookmarks_every_minute_and_before_the_end(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		began := time.Now()
		w := f.watch(configMaps + "?watch=true&resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=100")
		w.expect("BOOKMARK")
		require.Equal(t, time.Minute, time.Since(began))
		other := f.ok("POST", "/api/v1/namespaces/default/secrets", `{"metadata":{"name":"other"}}`)
		require.Equal(t, other.revision(), w.expect("BOOKMARK").revision(), "it tells of what it does not watch")
		require.Equal(t, 98*time.Second, time.Since(began))
		for ok := true; ok; {
			_, ok = w.next()
		}
		require.Equal(t, 100*time.Second, time.Since(began))
	})
}

func TestWatch_selectors_make_objects_come_and_go(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		w := f.watch(configMaps + "?watch=true&resourceVersion=1&labelSelector=show%3Dyes")
		f.configMap("a", "show=no")
		f.ok("PATCH", configMaps+"/a", `{"metadata":{"labels":{"show":"yes"}}}`)
		f.ok("PATCH", configMaps+"/a", `{"data":{"k":"v"}}`)
		hidden := f.ok("PATCH", configMaps+"/a", `{"metadata":{"labels":{"show":"no"}},"data":{"k":"w"}}`)
		f.ok("DELETE", configMaps+"/a", "")
		f.configMap("b", "show=yes")

		w.expect("ADDED a")
		w.expect("MODIFIED a")
		gone := w.expect("DELETED a")
		require.Equal(t, "v", gone.at("data.k"), "the last state that matched")
		require.Equal(t, hidden.revision(), gone.revision(), "at the revision that hid it")
		w.expect("ADDED b")

		one := f.watch(configMaps + "?watch=true&fieldSelector=metadata.name%3Db")
		one.expect("ADDED b")
		f.configMap("c")
		f.ok("DELETE", configMaps+"/b", "")
		one.expect("DELETED b")
	})
}

func TestWatch_by_node_sees_pods_arrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		w := f.watch("/api/v1/pods?watch=true&resourceVersion=1&fieldSelector=spec.nodeName%3Dn1")
		for _, node := range []string{"n2", "n1"} {
			f.ok("POST", "/api/v1/namespaces/default/pods", fmt.Sprintf(
				`{"metadata":{"name":"on-%s"},"spec":{"nodeName":%q,"containers":[{"name":"c","image":"i"}]}}`, node, node))
		}
		w.expect("ADDED on-n1")
	})
}

func TestWatch_reads_history_that_the_window_lost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		first := f.configMap("a")
		for i := range 1500 { // more than the window holds
			f.ok("PATCH", configMaps+"/a", fmt.Sprintf(`{"data":{"n":"%d"}}`, i))
		}
		w := f.watch(configMaps + "?watch=true&resourceVersion=" + first.revision())
		for i := range 1500 {
			require.Equal(t, fmt.Sprint(i), w.expect("MODIFIED a").at("data.n"))
		}
		f.ok("DELETE", configMaps+"/a", "")
		w.expect("DELETED a")
	})
}

func TestWatch_of_the_past_after_a_restart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := start(t)
		first := before.configMap("a")
		before.configMap("b")
		after := startOver(t, before.store)
		w := after.watch(configMaps + "?watch=true&resourceVersion=" + first.revision())
		w.expect("ADDED b")
	})
}

func TestWatch_of_compacted_history_is_410(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		old := f.configMap("a")
		time.Sleep(11 * time.Minute) // two compactions, so all that is older than one interval is gone
		f.configMap("b")
		time.Sleep(11 * time.Minute)
		restarted := startOver(t, f.store) // a new cache has no window
		w := restarted.watch(configMaps + "?watch=true&resourceVersion=" + old.revision())
		event, ok := w.next()
		require.True(t, ok)
		require.Equal(t, "ERROR", event.text("type"))
		require.EqualValues(t, 410, event.at("object.code"))
		require.Equal(t, "Expired", event.at("object.reason"))
		_, ok = w.next()
		require.False(t, ok, "the stream ends after the error")
	})
}

func TestWatch_of_the_future_is_refused_after_three_seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		began := time.Now()
		w := f.watch(configMaps + "?watch=true&resourceVersion=1000")
		event, _ := w.next()
		require.Equal(t, 3*time.Second, time.Since(began))
		require.EqualValues(t, 504, event.at("object.code"))
	})
}

func TestWatch_hundreds_see_the_same(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		var all []*watching
		for range 300 {
			all = append(all, f.watch(configMaps+watchList))
		}
		for i := range 20 {
			f.configMap(fmt.Sprintf("cm-%02d", i))
		}
		for _, w := range all {
			last := ""
			for seen := 0; seen < 20; {
				event, ok := w.next()
				require.True(t, ok)
				object := fields(event["object"].(map[string]any))
				if event.text("type") == "BOOKMARK" {
					continue
				}
				require.Equal(t, fmt.Sprintf("cm-%02d", seen), object.text("metadata.name"))
				require.NotEqual(t, last, object.revision())
				last = object.revision()
				seen++
			}
		}
	})
}

func TestWatch_slow_watcher_is_ended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		w := f.watch(configMaps + "?watch=true&resourceVersion=1") // nobody reads
		f.configMap("a")
		for i := range 5000 {
			f.ok("PATCH", configMaps+"/a", fmt.Sprintf(`{"data":{"n":"%d"}}`, i))
		}
		seen := 0
		for _, ok := w.next(); ok; _, ok = w.next() {
			seen++
		}
		require.Less(t, seen, 5001)
		require.GreaterOrEqual(t, seen, 4096, "what was queued is delivered still")
	})
}

func TestWatch_as_tables_names_columns_once(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.configMap("a")
		w := f.watch(configMaps+"?watch=true", "Accept: application/json;as=Table;v=v1;g=meta.k8s.io")
		first, _ := w.next()
		require.Equal(t, "Table", first.at("object.kind"))
		require.NotEmpty(t, first.at("object.columnDefinitions"))
		f.configMap("b")
		second, _ := w.next()
		require.Empty(t, second.at("object.columnDefinitions"))
		require.Len(t, second.at("object.rows"), 1)
	})
}

func TestWatch_ends_with_the_server(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		w := f.watch(configMaps + "?watch=true")
		synctest.Wait()
		f.stop()
		_, ok := w.next()
		require.False(t, ok)
	})
}

func TestWatch_refuses_nonsense(t *testing.T) {
	f := start(t)
	for query, code := range map[string]int{
		"&resourceVersion=x":                 400,
		"&resourceVersionMatch=NotOlderThan": 422,
		"&sendInitialEvents=true":            422,
		"&timeoutSeconds=soon":               400,
		"&labelSelector=%3D%3D":              400,
		"&fieldSelector=spec.color%3Dred":    400,
	} {
		f.refused(code, "GET", configMaps+"?watch=true"+query, "")
	}
	f.refused(406, "GET", configMaps+"?watch=true", "", "Accept: application/yaml")
}

// A store that keeps its history in memory does not keep more than it may, however
// much is written in little time.
func TestServer_MaxHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, size, writes = 1 << 20, 10 << 10, 300
		f := start(t, func(c *apiserver.Config) { c.MaxHistory = limit })
		f.configMap("a")
		var revisions []int64
		for i := range writes {
			body := fmt.Sprintf(`{"data":{"n":"%d","filler":"%s"}}`, i, strings.Repeat("x", size))
			revision, err := strconv.ParseInt(f.ok("PATCH", configMaps+"/a", body).revision(), 10, 64)
			require.NoError(t, err)
			revisions = append(revisions, revision)
			synctest.Wait()
		}
		kept := 0
		for _, revision := range revisions {
			if _, _, err := f.store.Get(t.Context(), "/registry/configmaps/default/a", revision); err == nil {
				kept++
			} else {
				require.ErrorIs(t, err, store.ErrCompacted)
				require.Zero(t, kept, "what is newer is kept")
			}
		}
		require.Greater(t, kept, limit/size/3)
		require.LessOrEqual(t, kept, limit/size+1)
	})
}
