package kinds_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
)

var update = flag.Bool("update", false, "rewrite the outcomes in testdata")

// A story is a file of cases. A case begins with a line "=== what it shows" and
// an object in YAML; then come parts, each below a line "--- name":
//
//	from      an object too: the one that the first is to replace
//	default   the object with its defaults
//	stored    the object as it would be stored
//	errors    what is wrong with it; empty if nothing
//	table     what kubectl prints, columns for -o wide last
//
// All but from are outcomes, which -update rewrites. The clock stands at
// midnight of 2000-01-01, UTC.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tell(t, file) })
		})
	}
}

func tell(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	text := strings.ReplaceAll(string(data), "\r\n", "\n")

	var out strings.Builder
	intro, rest, _ := strings.Cut(text, "=== ")
	out.WriteString(intro)
	for _, one := range strings.Split(rest, "\n=== ") {
		out.WriteString("=== " + strings.TrimSuffix(play(t, one), "\n") + "\n")
	}
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o644))
		return
	}
	if diff := cmp.Diff(text, out.String()); diff != "" {
		t.Errorf("%s tells another story (-want +got, -update accepts it):\n%s", file, diff)
	}
}

// play returns the case with the outcomes as they are.
func play(t *testing.T, one string) string {
	parts := strings.Split(one, "\n--- ")
	title, object, _ := strings.Cut(parts[0], "\n")
	var old string
	for _, part := range parts[1:] {
		if from, ok := strings.CutPrefix(part, "from\n"); ok {
			old = from
		}
	}

	out := parts[0] + "\n"
	for _, part := range parts[1:] {
		name, body, _ := strings.Cut(part, "\n")
		if name != "from" {
			body = outcome(t, title, name, object, old)
		}
		out += "--- " + name + "\n" + strings.TrimSuffix(body, "\n")
		if strings.TrimSuffix(body, "\n") != "" {
			out += "\n"
		}
	}
	return out
}

func outcome(t *testing.T, title, name, object, old string) string {
	obj, r := parse(t, title, object)
	switch name {
	case "default":
		r.Default(obj)
		return yamlOf(t, obj)
	case "stored", "errors":
		errs := write(t, title, r, obj, old)
		if name == "stored" {
			return yamlOf(t, obj)
		}
		var lines string
		for _, err := range errs {
			lines += err.Error() + "\n"
		}
		return lines
	case "table":
		return tableOf(r, obj)
	default:
		t.Fatalf("%s: there is no outcome %q", title, name)
		return ""
	}
}

// write takes obj the way of a create or, with old, of an update.
func write(t *testing.T, title string, r *api.Resource, obj api.Object, old string) field.ErrorList {
	if r.Default != nil {
		r.Default(obj)
	}
	var errs field.ErrorList
	if old == "" {
		if r.PrepareCreate != nil {
			r.PrepareCreate(obj)
		}
		if r.ValidateName != nil {
			for _, message := range r.ValidateName(obj.GetName(), false) {
				errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), obj.GetName(), message))
			}
		}
		if r.Validate != nil {
			errs = append(errs, r.Validate(obj)...)
		}
		if r.ValidateCreate != nil {
			errs = append(errs, r.ValidateCreate(obj)...)
		}
		return errs
	}
	was, _ := parse(t, title, old)
	if r.Default != nil {
		r.Default(was)
	}
	if r.PrepareUpdate != nil {
		r.PrepareUpdate(obj, was)
	}
	if r.Validate != nil {
		errs = r.Validate(obj)
	}
	if r.ValidateUpdate != nil {
		errs = append(errs, r.ValidateUpdate(obj, was)...)
	}
	return errs
}

func parse(t *testing.T, title, text string) (api.Object, *api.Resource) {
	found, err := api.Codecs().Decode([]byte(text), api.YAML, schema.GroupVersionKind{}, nil)
	require.NoError(t, err, title)
	require.Empty(t, found.Strict, title)
	r := kinds.Registry().ForKind(found.Kind)
	require.NotNil(t, r, "%s: %s is not served", title, found.Kind)
	return found.Object.(api.Object), r
}

func yamlOf(t *testing.T, obj api.Object) string {
	data, err := api.Codecs().EncodeBytes(obj, api.YAML)
	require.NoError(t, err)
	return string(data)
}

func tableOf(r *api.Resource, obj api.Object) string {
	var buf bytes.Buffer
	w := tabwriter.NewWriter(&buf, 0, 8, 3, ' ', 0)
	row := r.TableRow(obj)
	for _, priority := range []int32{0, 1} {
		for i, column := range r.TableHeader() {
			if column.Priority == priority {
				name := strings.ToUpper(column.Name)
				if priority > 0 {
					name += " (wide)"
				}
				fmt.Fprintf(w, "%s\t%v\n", name, row.Cells[i])
			}
		}
	}
	for _, condition := range row.Conditions {
		fmt.Fprintf(w, "(%s)\t%s: %s\n", condition.Type, condition.Reason, condition.Message)
	}
	w.Flush()
	lines := strings.Split(buf.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
