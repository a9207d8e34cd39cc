GET /version
show: major minor gitVersion
=> 200 OK
gitVersion: v1.37.2+coracle
major: "1"
minor: "37"

GET /api
show: kind versions
=> 200 OK
kind: APIVersions
versions:
- v1

GET /apis/apps
=> 200 OK
apiVersion: v1
kind: APIGroup
name: apps
preferredVersion:
  groupVersion: apps/v1
  version: v1
versions:
- groupVersion: apps/v1
  version: v1

GET /apis/apps/v1
show: kind groupVersion
=> 200 OK
groupVersion: apps/v1
kind: APIResourceList

GET /apis/nothing
=> 404 Not Found
404 page not found

GET /api/v2
=> 404 Not Found
404 page not found

GET /healthz
=> 200 OK
ok

GET /livez?verbose
=> 200 OK
[+]ping ok
[+]log ok
[+]etcd ok
livez check passed

GET /readyz/informer-sync
=> 200 OK
ok

GET /healthz/nothing
=> 404 Not Found
404 page not found

GET /apis
show: kind
=> 200 OK
kind: APIGroupList

GET /readyz?verbose&exclude=etcd&exclude=nobody
=> 200 OK
[+]ping ok
[+]log ok
[+]etcd excluded: ok
[+]etcd-readiness ok
[+]informer-sync ok
[+]shutdown ok
warn: some health checks cannot be excluded: no matches for "nobody"
readyz check passed

GET /livez/shutdown
=> 404 Not Found
404 page not found
