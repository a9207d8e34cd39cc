package openapi

import (
	"maps"
	"slices"
	"strings"
)

// refPrefixV2 is where schemas are in OpenAPI v2.
const refPrefixV2 = "#/definitions/"

// schemaV2 says in OpenAPI v2 what a schema says in v3, as far as it can: v2 has
// no alternatives and no null, and a reference may have a description beside it.
func schemaV2(described object) object {
	out := make(object, len(described))
	for key, value := range described {
		switch key {
		case "allOf":
			// A single reference with neighbours, as v3 needs it.
			if list, _ := value.([]any); len(list) == 1 {
				maps.Copy(out, schemaV2(list[0].(object)))
			}
		case "oneOf":
			if described["type"] == nil {
				out["type"] = "string"
			}
		case "anyOf", "not", "nullable", "default":
		case "$ref":
			out[key] = refPrefixV2 + strings.TrimPrefix(value.(string), refPrefix)
		case "properties":
			out[key] = eachV2(value)
		case "items", "additionalProperties":
			if inner, ok := value.(object); ok {
				value = schemaV2(inner)
			}
			out[key] = value
		default:
			out[key] = value
		}
	}
	return loosen(out)
}

func eachV2(properties any) object {
	out := object{}
	named, _ := properties.(object)
	for name, property := range named {
		if described, ok := property.(object); ok {
			out[name] = schemaV2(described)
		}
	}
	return out
}

// loosen drops the shape of a value that may be something else as well: v2
// cannot say so, and clients would refuse what the server takes.
func loosen(described object) object {
	free := described["x-kubernetes-int-or-string"] == true
	if described["x-kubernetes-preserve-unknown-fields"] == true {
		free = true
	}
	if !free {
		return described
	}
	for _, key := range []string{"type", "properties", "items", "additionalProperties", "required", "format"} {
		delete(described, key)
	}
	return described
}

// pathV2 says in OpenAPI v2 what can be done at a path.
func pathV2(item object) object {
	out := make(object, len(item))
	for method, value := range item {
		switch v := value.(type) {
		case object:
			out[method] = operationV2(v)
		case []any:
			out[method] = parametersV2(v)
		}
	}
	return out
}

func operationV2(described object) object {
	out := object{"schemes": []any{"https"}, "consumes": []any{"*/*"}}
	for key, value := range described {
		switch key {
		case "parameters", "requestBody", "responses":
		default:
			out[key] = value
		}
	}
	given, _ := described["parameters"].([]any)
	parameters := parametersV2(given)
	if body, ok := described["requestBody"].(object); ok {
		mediaTypes, of := contentV2(body)
		out["consumes"] = mediaTypes
		parameter := object{"name": "body", "in": "body", "schema": of}
		if body["required"] == true {
			parameter["required"] = true
		}
		parameters = append([]any{parameter}, parameters...)
	}
	if len(parameters) > 0 {
		out["parameters"] = parameters
	}
	answers := object{}
	for code, answer := range described["responses"].(object) {
		of := object{"description": answer.(object)["description"]}
		if answer.(object)["content"] != nil {
			mediaTypes, schema := contentV2(answer.(object))
			of["schema"], out["produces"] = schema, mediaTypes
		}
		answers[code] = of
	}
	out["responses"] = answers
	return out
}

// contentV2 takes the media types of a body or an answer apart from its schema.
func contentV2(of object) (mediaTypes []any, schema object) {
	content := of["content"].(object)
	for _, name := range slices.Sorted(maps.Keys(content)) {
		mediaTypes = append(mediaTypes, name)
		schema = schemaV2(content[name].(object)["schema"].(object))
	}
	return mediaTypes, schema
}

// parametersV2 moves the types of parameters to where v2 has them.
func parametersV2(parameters []any) []any {
	var out []any
	for _, p := range parameters {
		parameter := maps.Clone(p.(object))
		maps.Copy(parameter, parameter["schema"].(object))
		delete(parameter, "schema")
		out = append(out, parameter)
	}
	return out
}
