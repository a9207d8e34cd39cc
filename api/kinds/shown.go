package kinds

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// A shown is a value as Kubernetes shows it in a finding. It keeps the types of
// k8s.io/api in a form of its own, whose fields have no names for JSON and leave
// nothing out: {"Key":"a","Operator":"","Value":""}. So that is what people find
// in its messages.
type shown struct{ value reflect.Value }

// show returns the value of a finding as it is shown, which is as it is for all
// but the structs of k8s.io/api and what holds them.
func show(value any) any {
	if value == nil || !internal(reflect.TypeOf(value)) {
		return value
	}
	return shown{reflect.ValueOf(value)}
}

// internal says whether Kubernetes has the type in a form of its own.
func internal(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && strings.HasPrefix(t.PkgPath(), "k8s.io/api/")
}

// MarshalJSON implements json.Marshaler.
func (s shown) MarshalJSON() ([]byte, error) {
	switch v := s.value; {
	case !internal(v.Type()):
		return json.Marshal(v.Interface())
	case v.Kind() != reflect.Struct && v.IsNil():
		return []byte("null"), nil
	case v.Kind() == reflect.Pointer:
		return shown{v.Elem()}.MarshalJSON()
	case v.Kind() == reflect.Slice:
		items := make([]shown, v.Len())
		for i := range items {
			items[i] = shown{v.Index(i)}
		}
		return json.Marshal(items)
	case v.Kind() == reflect.Map:
		items := map[string]shown{}
		for key, item := range v.Seq2() {
			items[key.String()] = shown{item}
		}
		return json.Marshal(items)
	default:
		var out bytes.Buffer
		err := s.fields(&out)
		return append(append([]byte("{"), bytes.TrimPrefix(out.Bytes(), []byte(","))...), '}'), err
	}
}

// fields writes the fields of a struct, each after a comma; those of an
// embedded one are the struct's own.
func (s shown) fields(out *bytes.Buffer) error {
	for i := range s.value.NumField() {
		f, field := s.value.Type().Field(i), shown{s.value.Field(i)}
		if f.Anonymous && internal(f.Type) {
			if err := field.fields(out); err != nil {
				return err
			}
			continue
		}
		data, err := field.MarshalJSON()
		if err != nil {
			return err
		}
		if f.Anonymous { // such as the metadata of a template
			if inner := bytes.Trim(data, "{}"); len(inner) > 0 {
				out.Write(append([]byte(","), data[1:len(data)-1]...))
			}
			continue
		}
		out.WriteString(`,"` + f.Name + `":`)
		out.Write(data)
	}
	return nil
}
