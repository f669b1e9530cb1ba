package org.vcpusim.search;

import java.util.ArrayDeque;
import java.util.function.IntFunction;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.PhysicalCpu;
import org.vcpusim.kvm.Port;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.kvm.Wire;
import org.vcpusim.schedule.Ready;
import org.vcpusim.schedule.ReadyList;
import org.vcpusim.trace.SequentialRecorder;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceSink;
import org.vcpusim.trace.VirtualClock;

/**
 * A machine as plain values: a state and a mailbox for each component, and no actor system.
 *
 * <p>A pick means what it means to the controlled executor: component {@code i} handles its oldest message. Components become
 * ready in the same order too, so that a schedule gives the same trace on both. With another {@link Delivery} it does not.
 */
public final class PlainMachine implements Port {
    private static final int VM = 0;
    private static final int USERSPACE = 1;
    private static final int TIMER = 2;
    private static final int VCPUS = 3;
    private static final int NOBODY = -1;

    private final int guests;
    private final int devices;
    private final int processors;
    private final int wires;
    private final Object[] states;
    private final Mailbox[] mailboxes;
    private final ReadyList ready = new ReadyList();
    private final VirtualClock clock = new VirtualClock();
    private final SequentialRecorder recorder;
    private final TraceSink sink;
    private Sends sends = (from, to) -> {};
    private final Delivery delivery;
    /** What the step that runs has yet to handle. */
    private final ArrayDeque<Sent> atOnce = new ArrayDeque<>();

    private int running = NOBODY;
    private int picked = NOBODY;
    private boolean broadcasting;
    private long steps;

    /** Messages of one component, oldest first, and its name in traces. */
    private static final class Mailbox {
        private final Source source;
        private final ArrayDeque<Object> messages = new ArrayDeque<>();
        /** What comes behind all that is yet to come; see {@link Delivery#STIMULI_AT_THE_START}. */
        private final ArrayDeque<Object> later = new ArrayDeque<>();

        Mailbox(Source source) {
            this.source = source;
        }
    }

    private record Sent(int component, Object message) {}

    /**
     * The components of a machine before it starts.
     *
     * @param vcpu vCPU by index
     * @param guest the software of a vCPU by index
     * @param device device by index
     */
    public record Start(
            Machine machine,
            Vm vm,
            Userspace userspace,
            HostTimer timer,
            IntFunction<Vcpu> vcpu,
            IntFunction<Guest> guest,
            IntFunction<Device> device) {}

    /** Hears of every message. */
    public interface Sends {
        /** Component {@code from}, or -1 for nobody, sends component {@code to} a message. */
        void sent(int from, int to);
    }

    /** A machine that begins as {@code start} and records to {@code sink}, which the caller closes. */
    public PlainMachine(Start start, TraceSink sink) {
        this(start, sink, Delivery.ONE_OPERATION_A_MESSAGE);
    }

    /** The same with another design of the actors. */
    public PlainMachine(Start start, TraceSink sink, Delivery delivery) {
        this.sink = sink;
        this.delivery = delivery;
        recorder = new SequentialRecorder(clock, sink);
        int vcpus = start.machine().vcpuCount();
        guests = VCPUS + vcpus;
        devices = guests + vcpus;
        processors = devices + start.machine().devices();
        wires = processors + start.machine().physicalCpus();
        int count = wires + vcpus;
        states = new Object[count];
        mailboxes = new Mailbox[count];
        set(VM, Source.VM, start.vm());
        set(USERSPACE, Source.USERSPACE, start.userspace());
        set(TIMER, Source.TIMER, start.timer());
        for (int i = 0; i < vcpus; i++) {
            set(VCPUS + i, Source.vcpu(i), start.vcpu().apply(i));
            set(guests + i, Source.guest(i), start.guest().apply(i));
            set(wires + i, Source.wire(i), Wire.to(i));
        }
        for (int i = 0; i < start.machine().devices(); i++) {
            set(devices + i, Source.device(i), start.device().apply(i));
        }
        for (int i = 0; i < start.machine().physicalCpus(); i++) {
            set(processors + i, Source.physicalCpu(i), PhysicalCpu.idle(i));
        }
        running = VM;
        start.vm().announce(this);
        running = USERSPACE;
        start.userspace().announce(this);
        running = NOBODY;
    }

    private void set(int component, Source source, Object state) {
        states[component] = state;
        mailboxes[component] = new Mailbox(source);
    }

    /** User space starts everything else, step by step. */
    public void start() {
        send(USERSPACE, Userspace.Start.START);
    }

    /** Bitmaps and pins are looked at. */
    public void audit() {
        send(VM, Vm.Audit.AUDIT);
    }

    /** {@code listener} hears of the messages that are sent from now on. */
    public void onSend(Sends listener) {
        sends = listener;
    }

    /** The VM as it is now. */
    public Vm vm() {
        return (Vm) states[VM];
    }

    /** Component {@code component} as it is now. */
    public Object state(int component) {
        return states[component];
    }

    /** Who has a message, in the order in which they got one. */
    public Ready ready() {
        return ready;
    }

    /** The position of {@code component} among those that are ready, or -1. */
    public int position(int component) {
        for (int position = 0; position < ready.size(); position++) {
            if (ready.actor(position) == component) {
                return position;
            }
        }
        return -1;
    }

    /** How many components there are. */
    public int components() {
        return states.length;
    }

    /** Who component {@code component} is in traces. */
    public Source source(int component) {
        return mailboxes[component].source;
    }

    /** The message that component {@code component} will handle next; it must be ready. */
    public Object next(int component) {
        return mailboxes[component].messages.element();
    }

    /** The one at {@code position} handles its oldest message. */
    public void step(int position) {
        clock.deliver(ready.size());
        picked = ready.remove(position);
        handle(picked, mailboxes[picked].messages.remove());
        for (Sent next = atOnce.poll(); next != null; next = atOnce.poll()) {
            handle(next.component, next.message);
        }
        broadcasting = false;
        if (isVcpu(picked) && Delivery.rests((Vcpu) states[picked])) {
            mailboxes[picked].messages.addAll(mailboxes[picked].later);
            mailboxes[picked].later.clear();
        }
        if (!mailboxes[picked].messages.isEmpty()) {
            ready.add(picked);
        }
        picked = NOBODY;
        steps++;
    }

    private void handle(int component, Object message) {
        running = component;
        states[component] = stepped(component, message);
        running = NOBODY;
    }

    private boolean isVcpu(int component) {
        return component >= VCPUS && component < guests;
    }

    private Object stepped(int component, Object message) {
        Object state = states[component];
        if (component < VCPUS) {
            return switch (component) {
                case VM -> ((Vm) state).step((Vm.Message) message, this);
                case USERSPACE -> ((Userspace) state).step((Userspace.Message) message, this);
                default -> ((HostTimer) state).step((HostTimer.Message) message, this);
            };
        }
        if (component < guests) {
            return ((Vcpu) state).step((Vcpu.Message) message, this);
        }
        if (component < devices) {
            return ((Guest) state).step((Guest.Message) message, this);
        }
        if (component < processors) {
            return ((Device) state).step((Device.Message) message, this);
        }
        return component < wires
                ? ((PhysicalCpu) state).step((PhysicalCpu.Message) message, this)
                : ((Wire) state).step((Wire.Message) message, this);
    }

    /** Messages handled so far. */
    public long steps() {
        return steps;
    }

    /** Events recorded so far. */
    public long records() {
        return recorder.records();
    }

    /** Virtual time that has passed. */
    public long nanos() {
        return clock.now();
    }

    /** What is given every record. */
    public TraceSink sink() {
        return sink;
    }

    private void send(int component, Object message) {
        if (broadcasting && (component == VM || Delivery.isOfBroadcast(message))) {
            atOnce.add(new Sent(component, message));
        } else if (comesLater(component, message)) {
            mailboxes[component].later.add(message);
        } else {
            ArrayDeque<Object> messages = mailboxes[component].messages;
            if (messages.isEmpty() && component != picked) {
                ready.add(component);
            }
            messages.add(message);
        }
        sends.sent(running, component);
    }

    private boolean comesLater(int component, Object message) {
        return delivery == Delivery.STIMULI_AT_THE_START
                && isVcpu(component)
                && Delivery.isUnasked(message)
                && !Delivery.rests((Vcpu) states[component]);
    }

    @Override
    public void toVm(Vm.Message message) {
        send(VM, message);
    }

    @Override
    public void toVcpu(int index, Vcpu.Message message) {
        send(VCPUS + index, message);
    }

    @Override
    public void toWire(int vcpu, Wire.Message message) {
        send(wires + vcpu, message);
    }

    @Override
    public void toGuest(int index, Guest.Message message) {
        send(guests + index, message);
    }

    @Override
    public void toDevice(int index, Device.Message message) {
        send(devices + index, message);
    }

    @Override
    public void toPhysicalCpu(int index, PhysicalCpu.Message message) {
        send(processors + index, message);
    }

    @Override
    public void toTimer(HostTimer.Message message) {
        send(TIMER, message);
    }

    @Override
    public void toUserspace(Userspace.Message message) {
        send(USERSPACE, message);
    }

    @Override
    public void emit(Event event) {
        if (delivery == Delivery.BROADCAST_IN_ONE_HANDLER) {
            broadcasting |= event instanceof Event.BroadcastStarted;
            broadcasting &= !(event instanceof Event.BroadcastCompleted);
        }
        recorder.record(mailboxes[running].source, event);
    }

    @Override
    public void elapse(long nanos) {
        recorder.elapse(nanos);
    }
}
