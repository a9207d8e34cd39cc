package apiserver_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A list and the events after its revision are, at any time and for any
// selector, the same as a later list. Writers and watchers run at random.
func TestWatch_after_a_list_leads_to_the_next_list(t *testing.T) {
	f := start(t)
	queries := []string{"", "labelSelector=color%3Dred", "fieldSelector=metadata.name%3Dcm-3"}
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() { writeAtRandom(f, rand.New(rand.NewPCG(1, uint64(w))), 150) })
	}
	type follower struct {
		query string
		state map[string]string
		watch *watching
	}
	var followers []*follower
	for i := range 12 {
		query := queries[i%len(queries)]
		list := f.ok("GET", configMaps+"?"+query, "")
		state := stateOf(list)
		follow := f.watch(configMaps + "?watch=true&resourceVersion=" + list.revision() + "&" + query)
		followers = append(followers, &follower{query, state, follow})
	}
	writers.Wait()
	f.configMap("cm-3", "color=red", "last=yes")
	for _, each := range followers {
		for each.state["cm-3"] == "" || !isLast(each.state["cm-3"]) {
			event, ok := each.watch.next()
			require.True(t, ok)
			object := fields(event["object"].(map[string]any))
			name := object.text("metadata.name")
			if event.text("type") == "DELETED" {
				delete(each.state, name)
			} else {
				each.state[name] = summary(object)
			}
		}
		want := stateOf(f.ok("GET", configMaps+"?"+each.query, ""))
		require.True(t, maps.Equal(want, each.state), "%q: want %v, got %v", each.query, want, each.state)
	}
}

// writeAtRandom creates, changes and deletes config maps cm-0 to cm-9, and in
// the end leaves no cm-3.
func writeAtRandom(f *fixture, random *rand.Rand, n int) {
	for range n {
		name := fmt.Sprintf("cm-%d", random.IntN(10))
		labels := `"labels":{"color":"` + []string{"red", "blue"}[random.IntN(2)] + `"}`
		switch random.IntN(3) {
		case 0:
			f.request("POST", configMaps, `{"metadata":{"name":"`+name+`",`+labels+`}}`)
		case 1:
			f.request("PATCH", configMaps+"/"+name, `{"metadata":{`+labels+`}}`)
		default:
			f.request("DELETE", configMaps+"/"+name, "")
		}
	}
	f.request("DELETE", configMaps+"/cm-3", "")
}

func stateOf(list fields) map[string]string {
	state := map[string]string{}
	for _, item := range list.at("items").([]any) {
		object := fields(item.(map[string]any))
		state[object.text("metadata.name")] = summary(object)
	}
	return state
}

func summary(object fields) string {
	return fmt.Sprint(object.revision(), object.at("metadata.labels"))
}

func isLast(summary string) bool {
	return len(summary) > 0 && summary[len(summary)-len("last:yes]"):] == "last:yes]"
}

func TestWatch_old_path_is_about_the_named_object(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.configMap("a")
		f.configMap("b")
		w := f.watch("/api/v1/watch/namespaces/default/configmaps/b")
		w.expect("ADDED b")
		f.ok("DELETE", configMaps+"/a", "")
		f.ok("DELETE", configMaps+"/b", "")
		w.expect("DELETED b")
	})
}
