package org.vcpusim.kvm;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A VM whose vCPUs are outside the guest and take every interrupt: the test answers for them. */
final class AnsweredVm {
    private static final int MOST_MESSAGES = 2_000_000;

    private final RecordingPort port = new RecordingPort();
    private final Deque<Vm.Message> pending = new ArrayDeque<>();
    private final List<Object> answers = new ArrayList<>();
    private final List<String> log = new ArrayList<>();
    private boolean accepting = true;
    private @Nullable Posting posting;
    private @Nullable VcpuMode notified;
    private long sint;
    private boolean owing;
    private Vm vm;

    /** How a vCPU whose APICv is active answers: what it finds set, and its mode. */
    private record Posting(boolean pir, boolean on, VcpuMode mode) {}

    AnsweredVm(Vm vm) {
        this.vm = vm;
    }

    static AnsweredVm with(Machine machine, Ioapic ioapic) {
        return new AnsweredVm(Fixtures.vm(machine).with(ioapic));
    }

    Vm vm() {
        return vm;
    }

    Ioapic ioapic() {
        return vm.ioapic();
    }

    RecordingPort port() {
        return port;
    }

    /** From now on every SINT register has this vector, or answers this error. */
    AnsweredVm answeringSints(long vector) {
        sint = vector;
        return this;
    }

    /** From now on every local APIC has whatever vector it is asked about. */
    AnsweredVm owingEois() {
        owing = true;
        return this;
    }

    /** From now on local APICs discard what they get. */
    AnsweredVm discarding() {
        accepting = false;
        return this;
    }

    /** From now on interrupts have to be posted. */
    AnsweredVm posting(boolean pir, boolean on, VcpuMode mode) {
        posting = new Posting(pir, on, mode);
        return this;
    }

    /** From now on interrupts are L1's notifications of an L2, whose vCPU has this mode. */
    AnsweredVm notifyingNested(VcpuMode mode) {
        notified = mode;
        return posting(false, false, mode);
    }

    /** What requesters were told since the last call: operations done, in order. */
    List<Object> takeAnswers() {
        List<Object> taken = List.copyOf(answers);
        answers.clear();
        return taken;
    }

    /** What vCPUs were told since the last call, a line each: scan 0, accept 1 0x31. */
    List<String> takeLog() {
        List<String> taken = List.copyOf(log);
        log.clear();
        return taken;
    }

    /** Without the requests that vCPUs were told of since the last call of {@link #takeLog}. */
    AnsweredVm forgettingRequests() {
        log.removeIf(line -> !line.startsWith("accept"));
        return this;
    }

    AnsweredVm start(Vm.Message message) {
        pending.add(message);
        return this;
    }

    /** Delivers one message to the VM. */
    AnsweredVm step() {
        vm = vm.step(pending.remove(), port);
        for (RecordingPort.Sent sent : port.takeSent()) {
            route(sent);
        }
        return this;
    }

    AnsweredVm run() {
        for (int count = 0; !pending.isEmpty(); count++) {
            if (count == MOST_MESSAGES) {
                throw new IllegalStateException("still busy after " + MOST_MESSAGES + " messages");
            }
            step();
        }
        return this;
    }

    AnsweredVm send(Vm.Message message) {
        return start(message).run();
    }

    /** Runs until an event of this kind has happened. */
    AnsweredVm runTo(Class<? extends Event> kind) {
        while (port.events(kind).isEmpty()) {
            step();
        }
        return this;
    }

    private void route(RecordingPort.Sent sent) {
        Object message = sent.message();
        String number = sent.to().replace("vcpu ", "");
        if (message instanceof Vm.Message m) {
            pending.add(m);
        } else if (message instanceof Vcpu.MakeRequest m) {
            log.add(m.request() + " " + number);
        } else if (message instanceof Vcpu.ExchangeMode x) {
            pending.add(new Vm.ModeFound(x.task(), VcpuMode.OUTSIDE_GUEST_MODE, false));
        } else if (message instanceof Vcpu.Accept a) {
            log.add("accept " + number + " 0x" + Integer.toHexString(a.message().vector()));
            if (notified != null) {
                pending.add(new Vm.AcceptedForNested(a.task()));
                return;
            }
            pending.add(posting == null ? new Vm.Accepted(a.task(), accepting, null) : new Vm.AcceptedToPost(a.task()));
        } else if (message instanceof Vcpu.SetPir
                || message instanceof Vcpu.SetOn
                || message instanceof Vcpu.ReadMode) {
            answerPoster(message);
        } else if (message instanceof Vcpu.CompleteAccept c) {
            log.add("complete " + number + " 0x" + Integer.toHexString(c.vector()));
        } else if (message instanceof Vcpu.HostIpi i) {
            log.add("0x" + Integer.toHexString(i.vector().number()));
        } else if (message == Vcpu.WakeUp.WAKE_UP) {
            log.add("wake");
        } else if (message instanceof Vcpu.ReadSint r) {
            log.add("sint " + number + " " + r.sint());
            pending.add(new Vm.Reported(r.task(), sint));
        } else if (message instanceof Vcpu.PicOutput p) {
            log.add("pic " + number + " " + p.level());
        } else if (message instanceof Vcpu.QueryPendingEoi q) {
            pending.add(new Vm.Reported(q.task(), owing ? 1 : 0));
        } else {
            answers.add(message);
        }
    }

    private void answerPoster(Object message) {
        Posting found = Objects.requireNonNull(posting);
        log.add(message.getClass().getSimpleName());
        if (message instanceof Vcpu.SetPir s) {
            pending.add(new Vm.Reported(s.task(), found.pir ? 1 : 0));
        } else if (message instanceof Vcpu.SetOn s) {
            pending.add(new Vm.Reported(s.task(), found.on ? 1 : 0));
        } else if (message instanceof Vcpu.ReadMode r) {
            pending.add(new Vm.ModeFound(r.task(), found.mode, false));
        }
    }
}
