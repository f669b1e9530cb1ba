package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Keeps what one state machine sends and reports. */
final class RecordingPort implements Port {
    private final List<Sent> sent = new ArrayList<>();
    private final List<Object> inFlight = new ArrayList<>();
    private final List<Event> events = new ArrayList<>();
    private boolean keepsInFlight;
    private long elapsedNanos;

    /** A message and the name of its receiver: vm, vcpu 0, guest 0, device 0, timer or userspace. */
    record Sent(String to, Object message) {}

    /** What was sent since the last call. */
    List<Sent> takeSent() {
        List<Sent> taken = List.copyOf(sent);
        sent.clear();
        return taken;
    }

    /** From now on what takes its time is under way for good. */
    RecordingPort keepingInFlight() {
        keepsInFlight = true;
        return this;
    }

    /** What went through a wire since the last call. */
    List<Object> takeInFlight() {
        List<Object> taken = List.copyOf(inFlight);
        inFlight.clear();
        return taken;
    }

    /** The messages to {@code receiver} since the last {@link #takeSent}. */
    List<Object> sentTo(String receiver) {
        return sent.stream()
                .filter(each -> each.to.equals(receiver))
                .map(Sent::message)
                .toList();
    }

    /** Takes the oldest message to {@code receiver}, null where there is none. */
    @Nullable Object takeFirst(String receiver) {
        for (Sent each : sent) {
            if (each.to.equals(receiver)) {
                sent.remove(each);
                return each.message;
            }
        }
        return null;
    }

    /** What happened since the last call. */
    List<Event> takeEvents() {
        List<Event> taken = List.copyOf(events);
        events.clear();
        return taken;
    }

    /** The events of one kind since the last {@link #takeEvents}. */
    <E extends Event> List<E> events(Class<E> kind) {
        return events.stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    long elapsedNanos() {
        return elapsedNanos;
    }

    void forget() {
        sent.clear();
        events.clear();
    }

    @Override
    public void toVm(Vm.Message message) {
        sent.add(new Sent("vm", message));
    }

    @Override
    public void toVcpu(int index, Vcpu.Message message) {
        sent.add(new Sent("vcpu " + index, message));
    }

    @Override
    public void toWire(int vcpu, Wire.Message message) {
        inFlight.add(message);
        if (!keepsInFlight) {
            message.arrive(vcpu, this);
        }
    }

    @Override
    public void toGuest(int index, Guest.Message message) {
        sent.add(new Sent("guest " + index, message));
    }

    @Override
    public void toDevice(int index, Device.Message message) {
        sent.add(new Sent("device " + index, message));
    }

    @Override
    public void toPhysicalCpu(int index, PhysicalCpu.Message message) {
        sent.add(new Sent("cpu " + index, message));
    }

    @Override
    public void toTimer(HostTimer.Message message) {
        sent.add(new Sent("timer", message));
    }

    @Override
    public void toUserspace(Userspace.Message message) {
        sent.add(new Sent("userspace", message));
    }

    @Override
    public void emit(Event event) {
        events.add(event);
    }

    @Override
    public void elapse(long nanos) {
        elapsedNanos += nanos;
    }
}
