# What cannot be is refused, with a sentence that says what and where. What was
# there before is there after.
POST /api/v1/namespaces/default/services
show: metadata.resourceVersion
{"metadata": {"name": "harbour"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
=> 201 Created
metadata.resourceVersion: "2"

# Malformed JSON and YAML, in an update,
PUT /api/v1/namespaces/default/services/harbour
{"metadata": {"name": "harbour"}, "spec":
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'the object provided is unrecognized (must be of type Service): couldn''t
  get version/kind; json parse error: unexpected end of JSON input ({"metadata": {"name":
  "harbour ...)'
metadata: {}
reason: BadRequest
status: Failure

PUT /api/v1/namespaces/default/services/harbour
Content-Type: application/yaml
metadata: {name: harbour}
  spec: oops
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'the object provided is unrecognized (must be of type Service): yaml: line
  1: did not find expected key (6d657461646174613a207b6e616d653a20686172626f75727d0a20207370
  ...)'
metadata: {}
reason: BadRequest
status: Failure

# and in each kind of patch.
PATCH /api/v1/namespaces/default/services/harbour
Content-Type: application/merge-patch+json
{"spec":
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: invalid JSON patch
metadata: {}
reason: BadRequest
status: Failure

PATCH /api/v1/namespaces/default/services/harbour
Content-Type: application/json-patch+json
[{"op": "conjure", "path": "/spec"}]
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details: {}
kind: Status
message: the server rejected our request due to an error in our request
metadata: {}
reason: Invalid
status: Failure

PATCH /api/v1/namespaces/default/services/harbour
Content-Type: application/strategic-merge-patch+json
[1, 2]
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'json: cannot unmarshal array into Go value of type map[string]interface
  {}'
metadata: {}
reason: BadRequest
status: Failure

# Unknown fields, when it is strict about them.
PATCH /api/v1/namespaces/default/services/harbour?fieldValidation=Strict
Content-Type: application/merge-patch+json
{"spec": {"prots": []}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: patch
    message: 'Invalid value: "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"harbour\",\"namespace\":\"default\",\"uid\":\"UID\",\"resourceVersion\":\"2\",\"creationTimestamp\":\TIME\",\"managedFields\":[{\"manager\":\"unknown\",\"operation\":\"Update\",\"apiVersion\":\"v1\",\"time\":\TIME\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{\"f:internalTrafficPolicy\":{},\"f:ports\":{\".\":{},\"k:{\\\"port\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:port\":{},\"f:protocol\":{},\"f:targetPort\":{}}},\"f:selector\":{},\"f:sessionAffinity\":{},\"f:type\":{}}}}]},\"spec\":{\"internalTrafficPolicy\":\"Cluster\",\"ports\":[{\"protocol\":\"TCP\",\"port\":80,\"targetPort\":80}],\"prots\":[],\"selector\":{\"app\":\"web\"},\"sessionAffinity\":\"None\",\"type\":\"ClusterIP\"},\"status\":{\"loadBalancer\":{}}}":
      strict decoding error: unknown field "spec.prots"'
    reason: FieldValueInvalid
kind: Status
message: ' "" is invalid: patch: Invalid value: "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"harbour\",\"namespace\":\"default\",\"uid\":\"UID\",\"resourceVersion\":\"2\",\"creationTimestamp\":\TIME\",\"managedFields\":[{\"manager\":\"unknown\",\"operation\":\"Update\",\"apiVersion\":\"v1\",\"time\":\TIME\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{\"f:internalTrafficPolicy\":{},\"f:ports\":{\".\":{},\"k:{\\\"port\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:port\":{},\"f:protocol\":{},\"f:targetPort\":{}}},\"f:selector\":{},\"f:sessionAffinity\":{},\"f:type\":{}}}}]},\"spec\":{\"internalTrafficPolicy\":\"Cluster\",\"ports\":[{\"protocol\":\"TCP\",\"port\":80,\"targetPort\":80}],\"prots\":[],\"selector\":{\"app\":\"web\"},\"sessionAffinity\":\"None\",\"type\":\"ClusterIP\"},\"status\":{\"loadBalancer\":{}}}":
  strict decoding error: unknown field "spec.prots"'
metadata: {}
reason: Invalid
status: Failure

# A text where a number belongs.
POST /api/v1/namespaces/default/services
{"metadata": {"name": "texts"}, "spec": {"ports": [{"port": "eighty"}]}}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'Service in version "v1" cannot be handled as a Service: json: cannot unmarshal
  string into Go struct field ServicePort.spec.ports.port of type int32'
metadata: {}
reason: BadRequest
status: Failure

# Ports are numbers from 1 to 65535, or names.
POST /api/v1/namespaces/default/services
{"metadata": {"name": "Ports"}, "spec": {"ports": [{"name": "a", "port": 0}, {"name": "b", "port": 80, "targetPort": 70000}, {"name": "c", "port": 81, "targetPort": "not a name"}]}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: metadata.name
    message: 'Invalid value: "Ports": a lowercase RFC 1123 label must consist of lower
      case alphanumeric characters or ''-'', and must start and end with an alphanumeric
      character (e.g. ''my-name'',  or ''123-abc'', regex used for validation is ''[a-z0-9]([-a-z0-9]*[a-z0-9])?'')'
    reason: FieldValueInvalid
  - field: spec.ports[0].port
    message: 'Invalid value: 0: must be between 1 and 65535, inclusive'
    reason: FieldValueInvalid
  - field: spec.ports[0].targetPort
    message: 'Invalid value: 0: must be between 1 and 65535, inclusive'
    reason: FieldValueInvalid
  - field: spec.ports[1].targetPort
    message: 'Invalid value: 70000: must be between 1 and 65535, inclusive'
    reason: FieldValueInvalid
  - field: spec.ports[2].targetPort
    message: 'Invalid value: "not a name": must contain only alpha-numeric characters
      (a-z, 0-9), and hyphens (-)'
    reason: FieldValueInvalid
  kind: Service
  name: Ports
kind: Status
message: 'Service "Ports" is invalid: [metadata.name: Invalid value: "Ports": a lowercase
  RFC 1123 label must consist of lower case alphanumeric characters or ''-'', and
  must start and end with an alphanumeric character (e.g. ''my-name'',  or ''123-abc'',
  regex used for validation is ''[a-z0-9]([-a-z0-9]*[a-z0-9])?''), spec.ports[0].port:
  Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort:
  Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[1].targetPort:
  Invalid value: 70000: must be between 1 and 65535, inclusive, spec.ports[2].targetPort:
  Invalid value: "not a name": must contain only alpha-numeric characters (a-z, 0-9),
  and hyphens (-)]'
metadata: {}
reason: Invalid
status: Failure

# Quantities have a form.
POST /api/v1/namespaces/default/pods
{"metadata": {"name": "hungry"}, "spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"memory": "much"}}}]}}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'Pod in version "v1" cannot be handled as a Pod: quantities must match the
  regular expression ''^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'''
metadata: {}
reason: BadRequest
status: Failure

# They are not negative, and a request stays below its limit.
POST /api/v1/namespaces/default/pods
{"metadata": {"name": "hungry"}, "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "2", "memory": "-1"}, "limits": {"cpu": "1"}}}]}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: spec.containers[0].resources.requests[memory]
    message: 'Invalid value: "-1": must be greater than or equal to 0'
    reason: FieldValueInvalid
  - field: spec.containers[0].resources.requests
    message: 'Invalid value: "2": must be less than or equal to cpu limit of 1'
    reason: FieldValueInvalid
  kind: Pod
  name: hungry
kind: Status
message: 'Pod "hungry" is invalid: [spec.containers[0].resources.requests[memory]:
  Invalid value: "-1": must be greater than or equal to 0, spec.containers[0].resources.requests:
  Invalid value: "2": must be less than or equal to cpu limit of 1]'
metadata: {}
reason: Invalid
status: Failure

# A selector that selects nothing of its own template.
POST /apis/apps/v1/namespaces/default/deployments
{"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: spec.template.metadata.labels
    message: 'Invalid value: {"app":"db"}: `selector` does not match template `labels`'
    reason: FieldValueInvalid
  group: apps
  kind: Deployment
  name: web
kind: Status
message: 'Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid
  value: {"app":"db"}: `selector` does not match template `labels`'
metadata: {}
reason: Invalid
status: Failure

# One that is none.
POST /apis/apps/v1/namespaces/default/deployments
{"metadata": {"name": "web"}, "spec": {"selector": {"matchExpressions": [{"key": "app", "operator": "Near", "values": ["web"]}]}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: spec.selector.matchExpressions[0].operator
    message: 'Invalid value: "Near": not a valid selector operator'
    reason: FieldValueInvalid
  - field: spec.selector
    message: 'Invalid value: {"matchExpressions":[{"key":"app","operator":"Near","values":["web"]}]}:
      invalid label selector'
    reason: FieldValueInvalid
  group: apps
  kind: Deployment
  name: web
kind: Status
message: 'Deployment.apps "web" is invalid: [spec.selector.matchExpressions[0].operator:
  Invalid value: "Near": not a valid selector operator, spec.selector: Invalid value:
  {"matchExpressions":[{"key":"app","operator":"Near","values":["web"]}]}: invalid
  label selector]'
metadata: {}
reason: Invalid
status: Failure

# In a query as well.
GET /api/v1/namespaces/default/services?labelSelector=app+in+(web
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'unable to parse requirement: found '''', expected: '','' or '')'''
metadata: {}
reason: BadRequest
status: Failure

GET /api/v1/namespaces/default/services?fieldSelector=spec.colour=red
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'field label not supported: spec.colour'
metadata: {}
reason: BadRequest
status: Failure

GET /api/v1/namespaces/default/services?limit=many
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'strconv.ParseInt: parsing "many": invalid syntax'
metadata: {}
reason: BadRequest
status: Failure

GET /api/v1/namespaces/default/services?continue=rubbish
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'invalid continue token: continue key is not valid: invalid character ''®''
  looking for beginning of value'
metadata: {}
reason: BadRequest
status: Failure

GET /api/v1/namespaces/default/services?watch=true&resourceVersion=yesterday
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'resourceVersion: Invalid value: "yesterday": strconv.ParseUint: parsing
  "yesterday": invalid syntax'
metadata: {}
reason: BadRequest
status: Failure

# All this has written nothing: the store is at the revision it was at.
GET /api/v1/namespaces/default/services
show: metadata.resourceVersion
=> 200 OK
metadata.resourceVersion: "2"
