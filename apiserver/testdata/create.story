# A new object gets a UID, a creation time and a revision.
POST /api/v1/namespaces/default/configmaps
{"metadata": {"name": "colors"}, "data": {"sky": "blue"}}
=> 201 Created
apiVersion: v1
data:
  sky: blue
kind: ConfigMap
metadata:
  creationTimestamp: TIME
  name: colors
  namespace: default
  resourceVersion: "2"
  uid: UID

# Its name is taken now.
POST /api/v1/namespaces/default/configmaps
{"metadata": {"name": "colors"}}
=> 409 Conflict
apiVersion: v1
code: 409
details:
  kind: configmaps
  name: colors
kind: Status
message: configmaps "colors" already exists
metadata: {}
reason: AlreadyExists
status: Failure

# YAML is as good as JSON.
POST /api/v1/namespaces/default/configmaps
Content-Type: application/yaml
show: metadata.name data
kind: ConfigMap
apiVersion: v1
metadata:
  name: shapes
data:
  ball: round
=> 201 Created
data:
  ball: round
metadata.name: shapes

# Malformed JSON.
POST /api/v1/namespaces/default/configmaps
{"metadata": {"name": "broken"
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'the object provided is unrecognized (must be of type ConfigMap): couldn''t
  get version/kind; json parse error: unexpected end of JSON input ({"metadata": {"name":
  "broken")'
metadata: {}
reason: BadRequest
status: Failure

# Malformed YAML.
POST /api/v1/namespaces/default/configmaps
Content-Type: application/yaml
metadata: [1, 2
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'the object provided is unrecognized (must be of type ConfigMap): yaml: line
  1: did not find expected '','' or '']'' (6d657461646174613a205b312c2032)'
metadata: {}
reason: BadRequest
status: Failure

# Another kind than the URL names.
POST /api/v1/namespaces/default/configmaps
{"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "x"}}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret)
  to (core.ConfigMap): unknown conversion'
metadata: {}
reason: BadRequest
status: Failure

# A media type nobody speaks.
POST /api/v1/namespaces/default/configmaps
Content-Type: text/plain
hello
=> 415 Unsupported Media Type
apiVersion: v1
code: 415
kind: Status
message: 'the body of the request was in an unknown format - accepted media types
  include: application/json, application/yaml, application/vnd.kubernetes.protobuf'
metadata: {}
reason: UnsupportedMediaType
status: Failure

# A field that does not exist is worth a warning.
POST /api/v1/namespaces/default/configmaps
show: metadata.name
{"metadata": {"name": "warned"}, "colour": "red", "data": {"a": "1", "a": "2"}}
=> 201 Created
Warning: 299 - "unknown field \"colour\""
Warning: 299 - "duplicate field \"data.a\""
metadata.name: warned

# With strict validation it is an error.
POST /api/v1/namespaces/default/configmaps?fieldValidation=Strict
{"metadata": {"name": "strict", "unknownMeta": 1}, "colour": "red"}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding
  error: unknown field "metadata.unknownMeta", unknown field "colour"'
metadata: {}
reason: BadRequest
status: Failure

# With none it is silently dropped.
POST /api/v1/namespaces/default/configmaps?fieldValidation=Ignore
show: metadata.name
{"metadata": {"name": "ignored"}, "colour": "red"}
=> 201 Created
metadata.name: ignored

# There are three kinds of validation.
POST /api/v1/namespaces/default/configmaps?fieldValidation=Sloppy
{"metadata": {"name": "x"}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: fieldValidation
    message: 'Unsupported value: "Sloppy": supported values: "", "Ignore", "Strict",
      "Warn"'
    reason: FieldValueNotSupported
  group: meta.k8s.io
  kind: CreateOptions
kind: Status
message: 'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value:
  "Sloppy": supported values: "", "Ignore", "Strict", "Warn"'
metadata: {}
reason: Invalid
status: Failure

# Names are DNS names, label values are short.
POST /api/v1/namespaces/default/configmaps
{"metadata": {"name": "Not A Name", "labels": {"a": "no spaces please"}}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: metadata.name
    message: 'Invalid value: "Not A Name": a lowercase RFC 1123 subdomain must consist
      of lower case alphanumeric characters, ''-'' or ''.'', and must start and end
      with an alphanumeric character (e.g. ''example.com'', regex used for validation
      is ''[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'')'
    reason: FieldValueInvalid
  - field: metadata.labels
    message: 'Invalid value: "no spaces please": a valid label must be an empty string
      or consist of alphanumeric characters, ''-'', ''_'' or ''.'', and must start
      and end with an alphanumeric character (e.g. ''MyValue'',  or ''my_value'',  or
      ''12345'', regex used for validation is ''(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?'')'
    reason: FieldValueInvalid
  kind: ConfigMap
  name: Not A Name
kind: Status
message: 'ConfigMap "Not A Name" is invalid: [metadata.name: Invalid value: "Not A
  Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters,
  ''-'' or ''.'', and must start and end with an alphanumeric character (e.g. ''example.com'',
  regex used for validation is ''[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*''),
  metadata.labels: Invalid value: "no spaces please": a valid label must be an empty
  string or consist of alphanumeric characters, ''-'', ''_'' or ''.'', and must start
  and end with an alphanumeric character (e.g. ''MyValue'',  or ''my_value'',  or
  ''12345'', regex used for validation is ''(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?'')]'
metadata: {}
reason: Invalid
status: Failure

# Something must be the name.
POST /api/v1/namespaces/default/configmaps
{"metadata": {}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: metadata.name
    message: 'Required value: name or generateName is required'
    reason: FieldValueRequired
  kind: ConfigMap
kind: Status
message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName
  is required'
metadata: {}
reason: Invalid
status: Failure

# The namespace is the URL's.
POST /api/v1/namespaces/default/configmaps
{"metadata": {"name": "x", "namespace": "elsewhere"}}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: the namespace of the provided object does not match the namespace sent on
  the request
metadata: {}
reason: BadRequest
status: Failure

# There is no namespace to put it in.
POST /api/v1/configmaps
{"metadata": {"name": "x"}}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: an empty namespace may not be set during creation
metadata: {}
reason: BadRequest
status: Failure

# A new object has no revision yet.
POST /api/v1/namespaces/default/configmaps
{"metadata": {"name": "x", "resourceVersion": "7"}}
=> 500 Internal Server Error
apiVersion: v1
code: 500
kind: Status
message: resourceVersion should not be set on objects to be created
metadata: {}
status: Failure

# A dry run says what would be, and does nothing.
POST /api/v1/namespaces/default/configmaps?dryRun=All
show: metadata.name metadata.resourceVersion
{"metadata": {"name": "dry"}}
=> 201 Created
metadata.name: dry
metadata.resourceVersion: null

GET /api/v1/namespaces/default/configmaps/dry
=> 404 Not Found
apiVersion: v1
code: 404
details:
  kind: configmaps
  name: dry
kind: Status
message: configmaps "dry" not found
metadata: {}
reason: NotFound
status: Failure

POST /api/v1/namespaces/default/configmaps?dryRun=All
{"metadata": {"name": "colors"}}
=> 409 Conflict
apiVersion: v1
code: 409
details:
  kind: configmaps
  name: colors
kind: Status
message: configmaps "colors" already exists
metadata: {}
reason: AlreadyExists
status: Failure

POST /api/v1/namespaces/default/configmaps?dryRun=Some
{"metadata": {"name": "x"}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: dryRun
    message: 'Unsupported value: ["Some"]: supported values: "All"'
    reason: FieldValueNotSupported
  group: meta.k8s.io
  kind: CreateOptions
kind: Status
message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]:
  supported values: "All"'
metadata: {}
reason: Invalid
status: Failure

# One does not create below a name.
POST /api/v1/namespaces/default/configmaps/colors
{"metadata": {"name": "colors"}}
=> 405 Method Not Allowed
apiVersion: v1
code: 405
details: {}
kind: Status
message: the server does not allow this method on the requested resource
metadata: {}
reason: MethodNotAllowed
status: Failure

# Nothing of this kind is served.
GET /apis/apps/v7/namespaces/default/deployments
=> 404 Not Found
apiVersion: v1
code: 404
details: {}
kind: Status
message: the server could not find the requested resource
metadata: {}
reason: NotFound
status: Failure

GET /api/v1/namespaces/default/configmaps/colors/status
=> 404 Not Found
apiVersion: v1
code: 404
details: {}
kind: Status
message: the server could not find the requested resource
metadata: {}
reason: NotFound
status: Failure

# No such path.
GET /nowhere
=> 404 Not Found
404 page not found
