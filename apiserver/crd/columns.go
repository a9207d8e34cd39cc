package crd

import (
	"encoding/json"
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/crd/jsonpath"
)

// columnsOf makes the columns of a version's table: the name, then what the
// definition says, or else the age. A path that cannot be parsed, of which the
// validation lets some pass, ends the table.
func columnsOf(wanted []apiextensionsv1.CustomResourceColumnDefinition) []api.Column {
	columns := []api.Column{api.NameColumn()}
	if len(wanted) == 0 {
		wanted = []apiextensionsv1.CustomResourceColumnDefinition{{
			Name: "Age", Type: "date", JSONPath: ".metadata.creationTimestamp",
			Description: metav1.ObjectMeta{}.SwaggerDoc()["creationTimestamp"],
		}}
	}
	for _, w := range wanted {
		path, err := jsonpath.Parse(w.JSONPath)
		if err != nil {
			return columns[:1]
		}
		column := api.Column{
			Name: w.Name, Type: w.Type, Format: w.Format, Description: w.Description, Priority: w.Priority,
			Value: func(obj api.Object) any { return cell(w.Type, path, contentOf(obj)) },
		}
		if column.Description == "" {
			column.Description = "Custom resource definition column (in JSONPath format): " + w.JSONPath
		}
		columns = append(columns, column)
	}
	return columns
}

// cell returns what a column shows of an object: nil where the path leads
// nowhere, or to something that is not of the column's type.
func cell(columnType string, path *jsonpath.Path, obj content) any {
	value, found := path.First(obj)
	if !found || value == nil && columnType != "string" {
		return nil
	}
	switch columnType {
	case "string":
		return textOf(value)
	case "integer":
		switch n := value.(type) {
		case int64:
			return n
		case float64:
			return int64(n)
		}
	case "number":
		switch n := value.(type) {
		case int64:
			return float64(n)
		case float64:
			return n
		}
	case "boolean":
		if b, ok := value.(bool); ok {
			return b
		}
	case "date":
		if s, ok := value.(string); ok {
			var t metav1.Time
			if err := t.UnmarshalQueryParameter(s); err != nil {
				return "<invalid>"
			}
			return api.Age(t)
		}
	}
	return nil
}

// textOf writes a value as a path's template does: lists and objects in JSON.
func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []any, map[string]any:
		if data, err := json.Marshal(v); err == nil {
			return string(data)
		}
	}
	return fmt.Sprint(value)
}
