package crd

import (
	"fmt"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/crd/jsonpath"
)

// selectableOf returns what field selectors can ask for: the values of the
// fields that the definition names, and the names, which are the paths without
// their first dot.
func selectableOf(wanted []apiextensionsv1.SelectableField) (func(api.Object) fields.Set, []string, error) {
	if len(wanted) == 0 {
		return nil, nil, nil
	}
	paths := make(map[string]*jsonpath.Path, len(wanted))
	var names []string
	for _, w := range wanted {
		path, err := jsonpath.Parse(w.JSONPath)
		if err != nil {
			return nil, nil, err
		}
		name := strings.TrimPrefix(w.JSONPath, ".")
		paths[name] = path
		names = append(names, name)
	}
	return func(obj api.Object) fields.Set {
		set := make(fields.Set, len(paths))
		for name, path := range paths {
			set[name] = ""
			if value, found := path.First(contentOf(obj)); found && value != nil {
				set[name] = fmt.Sprint(value)
			}
		}
		return set
	}, names, nil
}
