# Sourced by the doors: steps as one line each, details in a log that is shown only when a step fails.
# steps_total is set by the door; a step is `step NAME LOG COMMAND...`.
steps_done=0
step_pid=
# For the door's trap: ends what the step started, compilers too.
step_stop() { [ -z "$step_pid" ] || kill -- "-$step_pid" 2>/dev/null; }
step() {
    local name=$1 log=$2 began=$SECONDS code pid
    shift 2
    steps_done=$((steps_done + 1))
    printf '[%d/%d] %s ... ' "$steps_done" "$steps_total" "$name"
    mkdir -p "$(dirname "$log")"
    set -m # a process group of its own
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    set +m
    step_pid=$pid
    # A dot every five seconds tells that it still works, without scrolling.
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        if [ -t 1 ] && [ $(((SECONDS - began) % 5)) = 4 ]; then
            printf '.'
            sleep 1
        fi
    done
    wait "$pid"
    code=$?
    step_pid=
    if [ $code = 0 ]; then
        echo "ok $((SECONDS - began)) s"
    else
        echo "failed after $((SECONDS - began)) s"
        [ $code = 3 ] || echo "--- the end of $log"
        tail -n 40 "$log"
    fi
    return $code
}
# Configures and builds a preset: `build_preset release [target...]`.
build_preset() {
    local preset=$1 launcher=() tests=OFF
    shift
    pkg-config --exists criterion && tests=ON # only tests/run installs it
    command -v ccache >/dev/null 2>&1 && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    cmake --preset "$preset" "${launcher[@]}" -DJUNCTOR_TESTS=$tests && ninja -C "build/$preset" "$@"
}
