package openapi

import (
	"reflect"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// addSpecial describes a type that marshals itself, such as a time, and says
// whether it is one. Such types say what they are in JSON; one that is several
// things has no type.
func (s *schemas) addSpecial(described object, t reflect.Type) bool {
	value := reflect.New(t).Interface()
	typed, ok := value.(interface{ OpenAPISchemaType() []string })
	if !ok {
		return false
	}
	if described["description"] == nil && machineryText(t) != "" {
		described["description"] = machineryText(t)
	}
	if formatted, ok := value.(interface{ OpenAPISchemaFormat() string }); ok && formatted.OpenAPISchemaFormat() != "" {
		described["format"] = formatted.OpenAPISchemaFormat()
	}
	if several, ok := value.(interface{ OpenAPIV3OneOfTypes() []string }); ok {
		delete(described, "type")
		var types []any
		for _, name := range several.OpenAPIV3OneOfTypes() {
			types = append(types, object{"type": name})
		}
		described["oneOf"] = types
		return true
	}
	if types := typed.OpenAPISchemaType(); len(types) > 0 {
		described["type"] = types[0]
	} else {
		delete(described, "type")
	}
	return true
}

// machineryText describes types that have no texts of their own.
func machineryText(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[resource.Quantity]():
		return "Quantity is an exact number with a suffix for its scale: 0.5 and 500m are a half, 2k is 2000, 1Mi is 1024 times 1024. " +
			"Suffixes are n, u, m, k, M, G, T, P and E for powers of 1000, Ki, Mi, Gi, Ti, Pi and Ei for powers of 1024, or an exponent such as e3. " +
			"The server writes it in its shortest form without a fraction."
	case reflect.TypeFor[intstr.IntOrString]():
		return "IntOrString is an integer or a string, such as a port's number or its name, or an absolute number or a percentage."
	case reflect.TypeFor[metav1.Time]():
		return "Time is a moment, to the second, as in RFC 3339: 2006-01-02T15:04:05Z."
	case reflect.TypeFor[metav1.MicroTime]():
		return "MicroTime is a moment, to the microsecond, as in RFC 3339: 2006-01-02T15:04:05.000000Z."
	case reflect.TypeFor[metav1.Duration]():
		return "Duration is a time span, such as 1m30s."
	case reflect.TypeFor[runtime.RawExtension]():
		return "RawExtension holds any object, of whatever kind it says it is."
	case reflect.TypeFor[metav1.FieldsV1]():
		return "FieldsV1 is a set of fields. A key is f:NAME for a field, k:KEYS for the element of a list with these keys, " +
			"v:VALUE for an element of a set, i:INDEX for the element at a place, or a dot for the thing itself."
	default:
		return ""
	}
}
