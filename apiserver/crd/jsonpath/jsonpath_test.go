package jsonpath_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/apiserver/crd/jsonpath"
)

const boat = `{
	"spec": {"wood": "oak", "a.b": 1, "it's": 2, "oars": [{"side": "left", "length": 3}, {"side": "right", "length": 4}, {"length": 5.5}]},
	"status": {"conditions": [{"type": "Afloat", "status": "True"}, {"type": "Dry", "status": "False", "wet": true}], "none": null}
}`

func TestPath_Find(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		".spec.wood":                         `["oak"]`,
		".":                                  `[` + boat + `]`,
		".spec['wood']":                      `["oak"]`,
		`.spec["wood"]`:                      `["oak"]`,
		`.spec.a\.b`:                         `[1]`,
		`.spec['a.b']`:                       `[1]`,
		`.spec['it\'s']`:                     `[2]`,
		"['spec'].wood":                      `["oak"]`,
		".spec.oars[0].side":                 `["left"]`,
		".spec.oars[-1].length":              `[5.5]`,
		".spec.oars[9].side":                 `null`,
		".spec.oars[-9]":                     `null`,
		".spec.oars[*].side":                 `["left","right"]`,
		".spec.oars[0,2].length":             `[3,5.5]`,
		".spec.oars[0:2].length":             `[3,4]`,
		".spec.oars[1:].length":              `[4,5.5]`,
		".spec.oars[:-1].length":             `[3,4]`,
		".spec.oars[::2].length":             `[3,5.5]`,
		".spec.oars.*.side":                  `["left","right"]`,
		"..side":                             `["left","right"]`,
		".spec..length":                      `[3,4,5.5]`,
		`.spec.oars[?(@.side)].length`:       `[3,4]`,
		`.spec.oars[?(@.length>3)].length`:   `[4,5.5]`,
		`.spec.oars[?(@.length <= 4)].side`:  `["left","right"]`,
		`.spec.oars[?(5<@.length)].length`:   `[5.5]`,
		`.spec.oars[?(@.side!="left")].side`: `["right"]`,
		`.status.conditions[?(@.type=="Afloat")].status`: `["True"]`,
		`.status.conditions[?(@.type=='Dry')].status`:    `["False"]`,
		`.status.conditions[?(@.wet==true)].type`:        `["Dry"]`,
		`.status.conditions[?(@.type==1)].type`:          `null`,
		".status.none":                                   `[null]`,
		".status.none.x":                                 `null`,
		".spec.wood.x":                                   `null`,
	} {
		parsed, err := jsonpath.Parse(path)
		require.NoError(t, err, path)
		require.Equal(t, path, parsed.String())
		found, err := json.Marshal(parsed.Find(value(t, boat)))
		require.NoError(t, err)
		require.JSONEq(t, want, string(found), path)
	}
}

func value(t *testing.T, text string) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal([]byte(text), &v))
	return v
}

func TestParse_refuses(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"spec", ".a[", ".a['b", ".a['b'", ".a[x]", ".a[1:2:0]", ".a[1:2:3:4]", ".a[]", ".a[?(@.b)", ".a[?(b)]", ".a[?(@.b==)]", `.a\`,
	} {
		_, err := jsonpath.Parse(path)
		require.Error(t, err, path)
	}
}

// Nothing that can be written makes the search grow without bound.
func TestPath_Find_is_bounded(t *testing.T) {
	t.Parallel()
	parsed, err := jsonpath.Parse(strings.Repeat("..", 50) + "x")
	require.NoError(t, err)
	require.Empty(t, parsed.Find(value(t, strings.Repeat(`{"a":[`, 40)+strings.Repeat(`]}`, 40))))
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{".spec.a", ".a[0]", "..b", `.c[?(@.type=="x")].d`, ".a['b.c']", ".x[1:2,3]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if path, err := jsonpath.Parse(text); err == nil {
			path.Find(value(t, boat))
		}
	})
}

func Example() {
	path, err := jsonpath.Parse(`.status.conditions[?(@.type=="Afloat")].status`)
	if err != nil {
		fmt.Println(err)
		return
	}
	boat := map[string]any{"status": map[string]any{"conditions": []any{
		map[string]any{"type": "Dry", "status": "False"},
		map[string]any{"type": "Afloat", "status": "True"},
	}}}
	fmt.Println(path.First(boat))
	// Output: True true
}
