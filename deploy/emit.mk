# Deployment events from a Makefile, with make, sh and curl alone. Copy this file, then:
#
#   include emit.mk
#   SERVICE     := payments
#   ENVIRONMENT := production
#   VERSION     := 1.4.2
#
#   release: ; $(MAKE) pts-deploy DEPLOY='./roll-out.sh --to production'
#
# `pts-deploy` says started, runs DEPLOY, says succeeded or failed, and ends as DEPLOY ended.
# Where the steps are yours, call pts-deployment-started, pts-deployment-succeeded and so on.
#
# About an earlier deployment (rolled_back, say) tell its DEPLOYMENT_ID and its VERSION: the default
# is what is checked out now.
#
# PTS_URL and PTS_TOKEN (scope events:write) come from the environment; keep the token out of files.
# A deployment never fails because PTS is away: the event is given up with a line on standard error.

PTS_URL     ?=
SERVICE     ?= $(notdir $(CURDIR))
ENVIRONMENT ?= production
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null)

# One deployment, one id: events that belong together carry the same. In CI it is the job's; for
# several make runs outside CI set DEPLOYMENT_ID yourself.
ifeq ($(origin DEPLOYMENT_ID),undefined)
DEPLOYMENT_ID := $(or \
  $(if $(GITHUB_RUN_ID),github-$(GITHUB_RUN_ID)-$(GITHUB_RUN_ATTEMPT)-$(GITHUB_JOB)),\
  $(if $(CI_JOB_ID),gitlab-$(CI_JOB_ID)),\
  $(shell date -u +%Y%m%dT%H%M%SZ)-$(shell echo $$PPID))
endif
export DEPLOYMENT_ID

# Told where known, left out where empty.
COMMIT       ?= $(or $(GITHUB_SHA),$(CI_COMMIT_SHA),$(shell git rev-parse HEAD 2>/dev/null))
ACTOR        ?= $(or $(GITHUB_ACTOR),$(GITLAB_USER_LOGIN),$(USER))
PIPELINE_URL ?= $(or $(CI_JOB_URL),$(if $(GITHUB_RUN_ID),$(GITHUB_SERVER_URL)/$(GITHUB_REPOSITORY)/actions/runs/$(GITHUB_RUN_ID)))
IMAGE        ?=
REASON       ?=
PREVIOUS_VERSION ?=

define PTS_EMIT_SCRIPT
what=$$1
if [ -z "$$PTS_URL" ] || [ -z "$$PTS_TOKEN" ]; then
    echo "pts: deployment.$$what not sent: PTS_URL and PTS_TOKEN are not both set" >&2
    exit 0
fi
quoted() { printf '"%s"' "$$(printf %s "$$1" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g')"; }
data=
field() { if [ -n "$$2" ]; then data="$$data$${data:+,}\"$$1\":$$(quoted "$$2")"; fi; }
field service "$$EMIT_SERVICE"
field environment "$$EMIT_ENVIRONMENT"
field deployment_id "$$DEPLOYMENT_ID"
field version "$$EMIT_VERSION"
field image "$$EMIT_IMAGE"
field commit "$$EMIT_COMMIT"
field actor "$$EMIT_ACTOR"
field pipeline_url "$$EMIT_PIPELINE_URL"
field reason "$$EMIT_REASON"
field previous_version "$$EMIT_PREVIOUS_VERSION"
event="{\"type\":\"deployment.$$what\",\"source\":$$(quoted "ci/$$EMIT_SERVICE"),\"id\":$$(quoted "$$DEPLOYMENT_ID/$$EMIT_ENVIRONMENT/$$what"),\"time\":\"$$(date -u +%Y-%m-%dT%H:%M:%SZ)\",\"data\":{$$data}}"
# The token goes through standard input: arguments are visible to every user of the machine.
# Sent again, the same event is stored once, so retrying is safe; no retry begins after 15 s.
answer=$$(printf 'header = "Authorization: Bearer %s"\n' "$$PTS_TOKEN" | curl --config - \
    --silent --show-error --connect-timeout 3 --max-time 10 \
    --retry 3 --retry-connrefused --retry-max-time 15 \
    --header 'Content-Type: application/json' --data-raw "$$event" \
    --write-out '\n%{http_code}' "$${PTS_URL%/}/v1/events" 2>&1) || true
case "$$answer" in
    *200 | *201 | *202) echo "pts: deployment.$$what recorded ($$DEPLOYMENT_ID)" >&2 ;;
    *) printf 'pts: deployment.%s NOT recorded: %s\n' "$$what" "$$(printf '%s\n' "$$answer" | grep . | tail -n 2 | tr '\n' ' ')" >&2 ;;
esac
endef

# A plain `make` does what it did before the include: no target from here becomes the default.
PTS_EMIT_GOAL_BEFORE := $(.DEFAULT_GOAL)
PTS_EMIT_TARGETS := $(addprefix pts-deployment-,requested started succeeded failed cancelled rolled_back)
.PHONY: $(PTS_EMIT_TARGETS) pts-deploy

# Values reach the script through its environment: nothing in them is read as code by the shell.
$(PTS_EMIT_TARGETS) pts-deploy: export EMIT_SERVICE = $(SERVICE)
$(PTS_EMIT_TARGETS) pts-deploy: export EMIT_ENVIRONMENT = $(ENVIRONMENT)
$(PTS_EMIT_TARGETS) pts-deploy: export EMIT_VERSION = $(VERSION)
$(PTS_EMIT_TARGETS) pts-deploy: export EMIT_COMMIT = $(COMMIT)
$(PTS_EMIT_TARGETS) pts-deploy: export EMIT_ACTOR = $(ACTOR)
$(PTS_EMIT_TARGETS) pts-deploy: export EMIT_PIPELINE_URL = $(PIPELINE_URL)
$(PTS_EMIT_TARGETS) pts-deploy: export EMIT_IMAGE = $(IMAGE)
$(PTS_EMIT_TARGETS) pts-deploy: export EMIT_REASON = $(REASON)
$(PTS_EMIT_TARGETS) pts-deploy: export EMIT_PREVIOUS_VERSION = $(PREVIOUS_VERSION)
$(PTS_EMIT_TARGETS) pts-deploy: export PTS_URL := $(PTS_URL)
$(PTS_EMIT_TARGETS) pts-deploy: export PTS_EMIT_SCRIPT := $(PTS_EMIT_SCRIPT)

$(PTS_EMIT_TARGETS): pts-deployment-%:
	@sh -c "$$PTS_EMIT_SCRIPT" pts-emit $*

pts-deploy:
	@$(if $(DEPLOY),,$(error pts-deploy needs DEPLOY='the command that deploys'))sh -c "$$PTS_EMIT_SCRIPT" pts-emit started
	@status=0; ( $(DEPLOY) ) || status=$$?; \
	if [ "$$status" = 0 ]; then sh -c "$$PTS_EMIT_SCRIPT" pts-emit succeeded; \
	else EMIT_REASON="$${EMIT_REASON:-exit status $$status}" sh -c "$$PTS_EMIT_SCRIPT" pts-emit failed; fi; \
	exit "$$status"

.DEFAULT_GOAL := $(PTS_EMIT_GOAL_BEFORE)
