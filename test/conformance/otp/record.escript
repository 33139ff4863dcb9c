#!/usr/bin/env escript
%% What a real OTP supervisor does, event by event: the recording that test/conformance/otp.test.ts replays.
%%
%% Record again, from the root of the repository, with an OTP of release 24 or newer:
%%
%%   escript test/conformance/otp/record.escript > test/conformance/otp/traces.json
%%
%% Each scenario is a supervisor, and steps done to it; each step is told with all that was seen before the tree was calm
%% again. `init x` is said by the child from within its init, `terminate x why` from within its terminate, and both wait
%% until it is written down; `exit x why` is its monitor's word. A death is written down before whatever it has led to,
%% so the order is that of causes and not of timing. No step sleeps but `at`, whose subject is the clock: OTP counts
%% restarts in whole seconds, so its milliseconds are counted from the beginning of one.
-module(record).
-behaviour(supervisor).
-mode(compile).
-export([main/1, start/1, init/1, handle_call/3, handle_cast/2, terminate/2]).

scenarios() -> [
    {'one_for_one: a permanent child that crashes is restarted, alone',
        sup(one_for_one, three()), [start, {crash, b}, shutdown]},
    {'one_for_one: a transient child that ends is not restarted',
        sup(one_for_one, three(transient)), [start, {'end', b}, shutdown]},
    {'one_for_one: a transient child that crashes is restarted',
        sup(one_for_one, three(transient)), [start, {crash, b}, shutdown]},
    {'one_for_one: a temporary child that crashes is not restarted',
        sup(one_for_one, three(temporary)), [start, {crash, b}, shutdown]},
    {'one_for_one: a temporary child that ends is not restarted',
        sup(one_for_one, three(temporary)), [start, {'end', b}, shutdown]},
    {'one_for_one: a permanent child that ends is restarted',
        sup(one_for_one, three()), [start, {'end', b}, shutdown]},
    {'one_for_all: the middle one crashes',
        sup(one_for_all, three()), [start, {crash, b}, shutdown]},
    {'one_for_all: the first one crashes',
        sup(one_for_all, three()), [start, {crash, a}, shutdown]},
    {'one_for_all: a transient one ends, a temporary one crashes, and neither counts',
        sup(one_for_all, 0, 5, [child(a), child(b, transient), child(c, temporary)]),
        [start, {'end', b}, {crash, c}, shutdown]},
    {'one_for_all: a transient one that had ended begins again with all',
        sup(one_for_all, three(transient)), [start, {'end', b}, {crash, c}, shutdown]},
    {'one_for_all: a temporary one is stopped with all, for good',
        sup(one_for_all, three(temporary)), [start, {crash, c}, shutdown]},
    {'one_for_all: a sibling crashes in its terminate',
        sup(one_for_all, [child(a), (child(b))#{terminate => crash}, child(c)]), [start, {crash, c}, shutdown]},
    {'one_for_all: a sibling ignores its shutdown and is killed',
        sup(one_for_all, [child(a), (child(b))#{terminate => hang, shutdown => 50}, child(c)]),
        [start, {crash, c}, shutdown]},
    {'one_for_all: the restart of a sibling fails once, and all begin again',
        sup(one_for_all, 2, 5, [child(a), child(b), (child(c))#{fails => [2]}]), [start, {crash, a}, shutdown]},
    {'one_for_all: each restart of all counts once',
        sup(one_for_all, 1, 5, three()), [start, {crash, b}, {crash, c}]},
    {'rest_for_one: the middle one of four crashes',
        sup(rest_for_one, [child(a), child(b), child(c), child(d)]), [start, {crash, b}, shutdown]},
    {'rest_for_one: the first one crashes',
        sup(rest_for_one, three()), [start, {crash, a}, shutdown]},
    {'rest_for_one: the last one crashes',
        sup(rest_for_one, three()), [start, {crash, c}, shutdown]},
    {'rest_for_one: a transient one that had ended begins again with the rest, a temporary one does not',
        sup(rest_for_one, [child(a), child(b, transient), child(c, temporary), child(d)]),
        [start, {'end', b}, {crash, a}, shutdown]},
    {'rest_for_one: the restart of a later one fails once, and only it and what follows it is tried again',
        sup(rest_for_one, 2, 5, [child(a), child(b), (child(c))#{fails => [2]}, child(d)]),
        [start, {crash, a}, shutdown]},
    {'rest_for_one: the restart of the one that crashed fails once',
        sup(rest_for_one, 2, 5, [child(a), (child(b))#{fails => [2]}, child(c)]), [start, {crash, b}, shutdown]},
    {'intensity: one crash too many, and the supervisor gives up',
        sup(one_for_one, 1, 5, three()), [start, {crash, b}, {crash, b}]},
    {'intensity: crashes of different children are counted together',
        sup(one_for_one, 1, 5, three()), [start, {crash, c}, {crash, a}]},
    {'intensity: what is spread over the period is not too much',
        sup(one_for_one, 1, 1, three()),
        [start, {at, 100}, {crash, b}, {at, 2100}, {crash, b}, {at, 4100}, {crash, b}, shutdown]},
    {'intensity: in whole seconds, 1.8 s are within a period of 1 s',
        sup(one_for_one, 1, 1, three()), [start, {at, 100}, {crash, b}, {at, 1900}, {crash, b}]},
    {'intensity: in whole seconds, 1.2 s are not within a period of 1 s when they touch three',
        sup(one_for_one, 1, 1, three()), [start, {at, 900}, {crash, b}, {at, 2100}, {crash, b}, shutdown]},
    {'intensity: a start that fails again and again burns it at once',
        sup(one_for_one, 3, 5, [child(a), (child(b))#{fails => [2, 3, 4, 5]}, child(c)]), [start, {crash, b}]},
    {'intensity: a start that fails twice, then succeeds',
        sup(one_for_one, 3, 5, [child(a), (child(b))#{fails => [2, 3]}, child(c)]), [start, {crash, b}, shutdown]},
    {'start: a child whose first start fails takes those before it down',
        sup(one_for_one, [child(a), (child(b))#{fails => [1]}, child(c)]), [start]},
    {'nested: a child of the inner one crashes, and only the inner one reacts',
        sup(one_for_one, [child(a), inner(one_for_one, 1), child(d)]), [start, {crash, b}, shutdown]},
    {'nested: the inner one restarts all of its own, the outer one notices nothing',
        sup(one_for_all, [child(a), inner(one_for_all, 1), child(d)]), [start, {crash, c}, shutdown]},
    {'nested: the inner one gives up and is restarted as a unit',
        sup(one_for_one, [child(a), inner(one_for_one, 1), child(d)]), [start, {crash, b}, {crash, b}, shutdown]},
    {'nested: the inner one has counted anew after it was restarted',
        sup(one_for_one, 2, 5, [child(a), inner(one_for_one, 1), child(d)]),
        [start, {crash, b}, {crash, b}, {crash, b}, shutdown]},
    {'nested: the inner one gives up, and the outer one restarts the rest after it',
        sup(rest_for_one, [child(a), inner(one_for_one, 0), child(d)]), [start, {crash, c}, shutdown]},
    {'nested: the inner one gives up, and the outer one then too',
        sup(one_for_one, 0, 5, [child(a), inner(one_for_one, 0), child(d)]), [start, {crash, c}]},
    {'nested: the restart of the inner one fails once, and is tried again as a unit',
        sup(one_for_one, 2, 5, [child(a), inner(one_for_one, 0, [child(b), (child(c))#{fails => [2]}]), child(d)]),
        [start, {crash, b}, shutdown]},
    {'nested: a sibling crashes, and the inner one is stopped and started with all',
        sup(one_for_all, [child(a), inner(one_for_one, 1), child(d)]), [start, {crash, a}, shutdown]},
    {'shutdown: in reverse order',
        sup(one_for_one, three()), [start, shutdown]},
    {'shutdown: one that crashes in its terminate does not keep the others from it',
        sup(one_for_one, [child(a), (child(b))#{terminate => crash}, child(c)]), [start, shutdown]},
    {'shutdown: one that ignores it is killed after its time, and the others go on',
        sup(one_for_one, [child(a), (child(b))#{terminate => hang, shutdown => 50}, child(c)]), [start, shutdown]},
    {'shutdown: a significant child that ends takes all down',
        (sup(one_for_one, [child(a), (child(b, transient))#{significant => true}, child(c)]))
            #{auto_shutdown => any_significant},
        [start, {'end', b}]},
    {'by hand: under one_for_one a child is restarted in its place',
        sup(one_for_one, three()), [start, {restart, b}, shutdown]},
    {'by hand: under rest_for_one a child is restarted alone',
        sup(rest_for_one, three()), [start, {restart, b}, shutdown]},
    {'by hand: under one_for_all a child is restarted alone, and it does not count',
        sup(one_for_all, 0, 5, three()), [start, {restart, b}, {restart, b}, shutdown]},
    {'by hand: a nested supervisor is restarted as a unit',
        sup(one_for_one, [child(a), inner(one_for_one, 1), child(d)]), [start, {restart, inner}, shutdown]},
    {'by hand: a child is removed',
        sup(one_for_all, three()), [start, {remove, b}, {crash, c}, shutdown]},
    {'by hand: a child is added at run time, and stops first',
        sup(one_for_one, three()), [start, {add, child(d)}, {crash, d}, shutdown]},
    {'by hand: a child added at run time belongs to the rest',
        sup(rest_for_one, three()), [start, {add, child(d)}, {crash, b}, shutdown]}
].

sup(Strategy, Children) -> sup(Strategy, 1, 5, Children).
sup(Strategy, Intensity, Period, Children) ->
    #{name => sup, strategy => Strategy, intensity => Intensity, period => Period, children => Children}.
inner(Strategy, Intensity) -> inner(Strategy, Intensity, [child(b), child(c)]).
inner(Strategy, Intensity, Children) ->
    (sup(Strategy, Intensity, 5, Children))#{name => inner, restart => permanent}.
three() -> three(permanent).
three(Middle) -> [child(a), child(b, Middle), child(c)].
child(Name) -> child(Name, permanent).
child(Name, Restart) -> #{name => Name, restart => Restart, shutdown => 5000}.

%% The supervisors and their children

start(Spec) when is_map_key(strategy, Spec) -> supervisor:start_link(?MODULE, Spec);
start(Spec) -> gen_server:start_link(?MODULE, Spec, []).

init(Spec = #{strategy := Strategy, intensity := Intensity, period := Period, children := Children}) ->
    report({init, maps:get(name, Spec)}),
    Flags = #{strategy => Strategy, intensity => Intensity, period => Period},
    {ok, {maps:merge(Flags, maps:with([auto_shutdown], Spec)), [spec(Child) || Child <- Children]}};
init(Spec = #{name := Name}) ->
    process_flag(trap_exit, true),
    Life = report({init, Name}),
    case lists:member(Life, maps:get(fails, Spec, [])) of
        false -> {ok, Spec};
        true -> report({exit, Name, no_start}), {stop, no_start}
    end.

spec(Spec = #{name := Name, restart := Restart}) ->
    Shutdown = maps:get(shutdown, Spec, infinity),
    Type = case Spec of #{strategy := _} -> supervisor; _ -> worker end,
    Start = {?MODULE, start, [Spec]},
    Child = #{id => Name, start => Start, restart => Restart, shutdown => Shutdown, type => Type},
    maps:merge(Child, maps:with([significant], Spec)).

handle_call(_, _, Spec) -> {reply, ok, Spec}.

handle_cast(crash, Spec) -> {stop, crash, Spec};
handle_cast('end', Spec) -> {stop, normal, Spec}.

terminate(Reason, Spec = #{name := Name}) ->
    report({terminate, Name, Reason}),
    case Spec of
        #{terminate := crash} when Reason =:= shutdown -> error(crash_in_terminate);
        #{terminate := hang} when Reason =:= shutdown -> receive never -> ok end;
        _ -> ok
    end.

%% The collector

report(Event) ->
    collector ! {report, self(), Event},
    receive {written, Life} -> Life end.

collect(Live, Lives, Seen) ->
    receive
        {report, Pid, Event} ->
            %% Before release 26 start_link returns an error before the process that has failed is gone.
            Gone = fun(Other, Name) -> dead(Other, Name) orelse Event =:= {init, Name} end,
            {Left, Deaths} = bury(maps:remove(Pid, Live), [], Gone),
            Others = case Live of #{Pid := Its} -> Left#{Pid => Its}; _ -> Left end,
            Written = [text(Event) | Deaths ++ Seen],
            case Event of
                {init, Name} ->
                    Life = maps:get(Name, Lives, 0) + 1,
                    Pid ! {written, Life},
                    collect(Others#{Pid => {Name, monitor(process, Pid)}}, Lives#{Name => Life}, Written);
                {exit, _, _} ->
                    {_, Monitor} = maps:get(Pid, Others),
                    demonitor(Monitor, [flush]),
                    Pid ! {written, none},
                    collect(maps:remove(Pid, Others), Lives, Written);
                {terminate, _, _} ->
                    Pid ! {written, none},
                    collect(Others, Lives, Written)
            end;
        {'DOWN', _, process, Pid, Reason} ->
            {{Name, _}, Others} = maps:take(Pid, Live),
            collect(Others, Lives, [text({exit, Name, Reason}) | Seen]);
        {take, From, Gone} ->
            {Left, Deaths} = bury(Live, [], Gone),
            From ! {taken, lists:reverse(Deaths ++ Seen)},
            collect(Left, Lives, [])
    end.

%% Who is dead already had died before what is reported now, whichever message came first.
bury(Live, Deaths, Gone) ->
    case [Found || Found = {Pid, {Name, _}} <- maps:to_list(Live), Gone(Pid, Name)] of
        [] -> {Live, Deaths};
        [{Pid, {Name, Monitor}} | _] ->
            receive {'DOWN', Monitor, process, Pid, Reason} ->
                bury(maps:remove(Pid, Live), [text({exit, Name, Reason}) | Deaths], Gone)
            end
    end.

dead(Pid, _) -> not is_process_alive(Pid).

text({What, Name}) -> iolist_to_binary(io_lib:format("~s ~s", [What, Name]));
text({What, Name, {Reason, Stack}}) when is_list(Stack) -> text({What, Name, Reason});
text({What, Name, Reason}) -> iolist_to_binary(io_lib:format("~s ~s ~p", [What, Name, Reason])).

%% The steps

play(Scenario = {Title, Spec, Steps}) ->
    Collector = spawn_link(fun() -> collect(#{}, #{}, []) end),
    register(collector, Collector),
    Played = steps(Steps, Spec, none, []),
    unlink(Collector),
    exit(Collector, kill),
    await_gone(Collector),
    case Played of
        too_late -> play(Scenario);
        _ -> {[{name, Title}, {supervisor, json(Spec)}, {steps, Played}]}
    end.

steps([], _, _, Told) -> lists:reverse(Told);
steps([{at, Ms} | Steps], Spec, State, Told) ->
    {Root, Begin} = case State of
        {_, _} -> State;
        _ -> {State, erlang:monotonic_time(second) + 1}
    end,
    timer:sleep(max(0, Begin * 1000 + Ms - erlang:monotonic_time(millisecond))),
    InTime = fun() -> erlang:monotonic_time(second) =:= Begin + Ms div 1000 end,
    [Next | Rest] = Steps,
    Early = InTime(),
    [Result] = steps([Next], Spec, {Root, Begin}, []),
    Waited = {[{do, text({at, integer_to_binary(Ms)})}, {seen, []}]},
    %% Unless the second in which it should happen has passed meanwhile.
    case Early andalso InTime() of
        true -> steps(Rest, Spec, {Root, Begin}, [Result, Waited | Told]);
        false -> exit(Root, shutdown), await_gone(Root), too_late
    end;
steps([Step | Steps], Spec, State, Told) ->
    Root = case State of {Pid, _} -> Pid; Pid -> Pid end,
    Now = case do(Step, Spec, Root) of {started, New} -> New; _ -> State end,
    collector ! {take, self(), case Now of none -> fun(_, _) -> true end; _ -> fun dead/2 end},
    Seen = receive {taken, Events} -> Events end,
    steps(Steps, Spec, Now, [{[{do, label(Step)}, {seen, Seen}]} | Told]).

label(Step) when is_atom(Step) -> Step;
label({What, #{name := Name}}) -> text({What, Name});
label(Step) -> text(Step).

do(start, Spec, none) ->
    case start(Spec) of
        {ok, Pid} -> {started, Pid};
        {error, _} -> {started, none}
    end;
do(shutdown, _, Root) -> exit(Root, shutdown), await_gone(Root);
do({restart, Name}, _, Root) ->
    ok = supervisor:terminate_child(Root, Name),
    {ok, _} = supervisor:restart_child(Root, Name),
    calm(Root, none);
do({remove, Name}, _, Root) ->
    ok = supervisor:terminate_child(Root, Name),
    ok = supervisor:delete_child(Root, Name),
    calm(Root, none);
do({add, Spec}, _, Root) ->
    {ok, _} = supervisor:start_child(Root, spec(Spec)),
    calm(Root, none);
do({How, Name}, _, Root) ->
    {Name, Pid} = lists:keyfind(Name, 1, tree(Root)),
    gen_server:cast(Pid, How),
    calm(Root, Pid).

%% All that the end of one process leads to is over once no supervisor lists it, or a dead one, or one to be restarted.
calm(Root, Gone) ->
    case is_process_alive(Root) of
        false -> await_gone(Root);
        true ->
            case lists:all(fun({_, Pid}) -> Pid =/= Gone andalso settled(Pid) end, tree(Root)) of
                true -> ok;
                false -> calm(Root, Gone)
            end
    end.

settled(undefined) -> true;
settled(Pid) -> is_pid(Pid) andalso is_process_alive(Pid).

tree(Supervisor) ->
    try supervisor:which_children(Supervisor) of
        Children -> lists:append([[{Name, Pid} | below(Pid, Type)] || {Name, Pid, Type, _} <- Children])
    catch exit:_ -> [{gone, gone}]
    end.

below(Pid, supervisor) when is_pid(Pid) -> tree(Pid);
below(_, _) -> [].

await_gone(Pid) ->
    Monitor = monitor(process, Pid),
    receive {'DOWN', Monitor, process, Pid, _} -> ok end.

%% The JSON: on one line what fits, in the order in which it is read

main(_) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    Played = [play(Scenario) || Scenario <- scenarios()],
    Release = list_to_binary(erlang:system_info(otp_release)),
    Note = <<"restarts are counted in whole seconds; at is in milliseconds from the beginning of one">>,
    io:put_chars([print({[{otp, Release}, {note, Note}, {scenarios, Played}]}, 0, 0), $\n]).

json(Map) when is_map(Map) ->
    Order = [name, strategy, intensity, period, auto_shutdown, restart, significant, shutdown, terminate, fails, children],
    {[{Key, json(maps:get(Key, Map))} || Key <- Order, is_map_key(Key, Map)]};
json([First | _] = List) when is_map(First) -> [json(Map) || Map <- List];
json(Value) -> Value.

print(Value, Indent, Before) ->
    Flat = flat(Value),
    case Indent + Before + iolist_size(Flat) =< 119 of
        true -> Flat;
        false -> broken(Value, Indent)
    end.

broken({Pairs}, Indent) ->
    Printed = [
        [Name, print(Value, Indent + 2, iolist_size(Name))]
        || {Key, Value} <- Pairs, Name <- [iolist_to_binary([flat(Key), ": "])]
    ],
    lines(${, Printed, $}, Indent);
broken(List, Indent) when is_list(List) -> lines($[, [print(Value, Indent + 2, 0) || Value <- List], $], Indent);
broken(Value, _) -> flat(Value).

lines(Open, Printed, Close, Indent) ->
    Margin = [$\n, lists:duplicate(Indent + 2, $\s)],
    [Open, Margin, lists:join([$,, Margin], Printed), $\n, lists:duplicate(Indent, $\s), Close].

flat({Pairs}) -> ["{ ", lists:join(", ", [[flat(Key), ": ", flat(Value)] || {Key, Value} <- Pairs]), " }"];
flat(List) when is_list(List) -> [$[, lists:join(", ", [flat(Value) || Value <- List]), $]];
flat(Value) when is_integer(Value) -> integer_to_list(Value);
flat(true) -> "true";
flat(Value) when is_atom(Value) -> flat(atom_to_binary(Value));
flat(Value) when is_binary(Value) -> [$", Value, $"].
