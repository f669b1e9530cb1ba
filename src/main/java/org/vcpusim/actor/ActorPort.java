package org.vcpusim.actor;

import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.PhysicalCpu;
import org.vcpusim.kvm.Port;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.kvm.Wire;
import org.vcpusim.trace.Source;

/**
 * The port of one actor: messages go to the actors of its run, events to the run's recorder under the actor's name.
 *
 * <p>Both are held back until the step has ended: first its events are recorded, then its messages go, so that whatever they
 * cause is recorded later. The state machines, which report in many places, are then compiled without what the recorder does
 * of each event. The last message takes over the count of the message that was handled, so that a step with one message out
 * costs no counting at all; the others are counted before they go.
 */
public final class ActorPort implements Port {
    private static final @Nullable Event[] NO_EVENTS = {};
    private static final int USUAL_EVENTS = 3;
    private static final VarHandle STEPS;

    static {
        try {
            STEPS = MethodHandles.lookup().findVarHandle(ActorPort.class, "steps", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Run run;
    private final Source source;
    private final @Nullable ActorLog log;
    private @Nullable ActorRef<Object> heldFor;
    private @Nullable Object held;
    /** The messages before it, each behind its receiver; empty or not there where there are none. */
    private @Nullable List<Object> heldBefore;

    private @Nullable Event[] events = NO_EVENTS;
    private int eventCount;
    private Next next = Next.GO_ON;
    private @Nullable Object initial;

    @SuppressWarnings("FieldMayBeFinal") // written through STEPS
    private long steps;

    /** What the next step is to do. */
    private enum Next {
        /** A step of the actor's state. */
        GO_ON,
        /** The same, of a state that is the initial one and kept. */
        KEEP_INITIAL,
        /** A step of the initial state. */
        BEGIN_AGAIN,
        /** Nothing: the message is dropped. */
        DROP
    }

    private ActorPort(Run run, Source source, @Nullable ActorLog log) {
        this.run = run;
        this.source = source;
        this.log = log;
    }

    /** The port of {@code source} in {@code run}. */
    public static ActorPort of(Run run, Source source) {
        return of(run, source, Integer.toString(source.index()));
    }

    /** The port of {@code source} in {@code run}; {@code name} stands for its index in the name of its logger. */
    public static ActorPort of(Run run, Source source, String name) {
        return new ActorPort(run, source, ActorLog.of(source, name).orElse(null));
    }

    /** How many messages its actor has handled; another thread may see an older number. */
    public long steps() {
        return (long) STEPS.getOpaque(this);
    }

    /** Messages are dropped from now on, until {@link #beginAgain}; what a failed step has left is dropped too. */
    public void drop() {
        next = Next.DROP;
        forget();
    }

    private void forget() {
        heldFor = null;
        held = null;
        heldBefore = null;
        eventCount = 0;
    }

    /**
     * The next message finds the actor as it was at its start. On the thread that runs the actor, between messages, and for the
     * first time before the first message.
     */
    public void beginAgain() {
        next = initial == null ? Next.KEEP_INITIAL : Next.BEGIN_AGAIN;
    }

    /** {@code behavior} as it is to be run: with a diagnostic context if its steps are logged. */
    <M> Behavior<M> behavior(Class<M> messages, ActorContext<M> context, Behavior<M> behavior) {
        return log == null ? behavior : log.around(messages, context, behavior);
    }

    /** The state after {@code message}. If the step throws, the run fails and the state stays. */
    <S, M> S step(StateMachine<S, M> machine, S state, M message) {
        if (next == Next.DROP) {
            return state;
        }
        S before = next == Next.GO_ON ? state : begun(state);
        S after;
        try {
            after = machine.step(before, message, this);
            record();
        } catch (UncheckedIOException e) {
            run.fail(e); // the recorder's file, not the step
            return state;
        } catch (RuntimeException | StackOverflowError | AssertionError e) {
            recordWhatLedTo(e);
            run.fail(new StepFailedException(source.label(), message, e));
            return state;
        }
        STEPS.setOpaque(this, steps + 1);
        tell();
        return after;
    }

    /** Records what {@code announcement} reports before the first step. */
    public void announce(Consumer<Port> announcement) {
        announcement.accept(this);
        record();
    }

    /** Records the events of the step so far. */
    private void record() {
        int count = eventCount;
        eventCount = 0;
        for (int i = 0; i < count; i++) {
            Event event = events[i];
            if (event != null) {
                events[i] = null;
                run.recorder().record(source, event);
            }
        }
    }

    private void recordWhatLedTo(Throwable failure) {
        try {
            record();
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
        forget();
    }

    /** Sends the messages of the step. */
    private void tell() {
        ActorRef<Object> receiver = heldFor;
        Object last = held;
        if (receiver == null || last == null) {
            run.handledWithoutSending();
            return;
        }
        List<Object> before = heldBefore;
        if (before != null && !before.isEmpty()) {
            for (int i = 0; i < before.size(); i += 2) {
                run.sending();
                ActorPort.<ActorRef<Object>>as(before.get(i)).tell(before.get(i + 1));
            }
            before.clear();
        }
        heldFor = null;
        held = null;
        receiver.tell(last);
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // what send has put there
    private static <T> T as(Object held) {
        return (T) held;
    }

    @SuppressWarnings("unchecked") // a port serves one actor, whose states are all of one type
    private <S> S begun(S state) {
        if (next == Next.KEEP_INITIAL) {
            initial = state;
        }
        next = Next.GO_ON;
        Object start = initial;
        return start == null ? state : (S) start;
    }

    /** Whether the steps are logged. */
    boolean logs() {
        return log != null;
    }

    /** Logs a step: the message, and what to know of the state after it. */
    void log(Object message, Object after) {
        if (log != null) {
            log.stepped(message, after);
        }
    }

    private void send(ActorRef<?> receiver, int place, Object message) {
        run.sent(place);
        ActorRef<Object> before = heldFor;
        Object earlier = held;
        if (before != null && earlier != null) {
            if (heldBefore == null) {
                heldBefore = new ArrayList<>();
            }
            heldBefore.add(before);
            heldBefore.add(earlier);
        }
        heldFor = receiver.unsafeUpcast();
        held = message;
    }

    @Override
    public void toVm(Vm.Message message) {
        send(run.directory().vm(), Directory.VM, message);
    }

    @Override
    public void toVcpu(int index, Vcpu.Message message) {
        Directory all = run.directory();
        send(all.vcpus().get(index), all.placeOfVcpu(index), message);
    }

    @Override
    public void toWire(int vcpu, Wire.Message message) {
        Directory all = run.directory();
        if (all.wires().isEmpty()) {
            message.arrive(vcpu, this);
        } else {
            send(all.wires().get(vcpu), all.placeOfWire(vcpu), message);
        }
    }

    @Override
    public void toGuest(int index, Guest.Message message) {
        Directory all = run.directory();
        send(all.guests().get(index), all.placeOfGuest(index), message);
    }

    @Override
    public void toDevice(int index, Device.Message message) {
        Directory all = run.directory();
        send(all.devices().get(index), all.placeOfDevice(index), message);
    }

    @Override
    public void toPhysicalCpu(int index, PhysicalCpu.Message message) {
        Directory all = run.directory();
        send(all.physicalCpus().get(index), all.placeOfPhysicalCpu(index), message);
    }

    @Override
    public void toTimer(HostTimer.Message message) {
        send(run.directory().timer(), Directory.TIMER, message);
    }

    @Override
    public void toUserspace(Userspace.Message message) {
        send(run.directory().userspace(), Directory.USERSPACE, message);
    }

    @Override
    public void emit(Event event) {
        if (eventCount == events.length) {
            events = Arrays.copyOf(events, Math.max(USUAL_EVENTS, 2 * eventCount));
        }
        events[eventCount++] = event;
    }

    @Override
    public void elapse(long nanos) {
        record();
        run.recorder().elapse(nanos);
    }
}
