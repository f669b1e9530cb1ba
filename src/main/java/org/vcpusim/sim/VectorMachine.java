package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.Irqchip;
import org.vcpusim.kvm.Lapic;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;

/**
 * The machine of a recorded vector on an executor, and what the recording program did with it: it runs one vCPU at a time
 * and looks at everything afterwards.
 */
final class VectorMachine implements AutoCloseable {
    /** What the recording kernel did not know yet; rnd-logical-0085 and rnd-sources-0028 show it. */
    private static final List<Fault> RECORDED_KERNEL =
            List.of(Fault.OLD_TARGETS_BY_NEW_MODE, Fault.NO_RESCAN_AFTER_STALE_EOI);

    private final VectorHost host;
    private final Machine machine;
    private final TreeMap<Integer, Integer> startups = new TreeMap<>();
    private final TreeMap<Integer, String> unreported = new TreeMap<>();
    private Vm vm;
    private List<Vcpu> vcpus;

    /** Makes an executor for a VM and its vCPUs. */
    interface Hosting extends BiFunction<Vm, List<Vcpu>, VectorHost> {}

    VectorMachine(Machine machine, Routing routing, Hosting hosting) {
        this.machine = machine;
        List<Vcpu> created = new ArrayList<>();
        ApicIdentity[] identities = new ApicIdentity[machine.vcpuCount()];
        for (int i = 0; i < machine.vcpuCount(); i++) {
            Lapic lapic = Lapic.created(machine, i);
            identities[i] = lapic.identity();
            created.add(Vcpu.created(machine, lapic, Optional.empty()));
        }
        vm = Vm.created(machine, routing, identities);
        vcpus = created;
        host = hosting.apply(vm, created);
        for (int i = 0; i < machine.vcpuCount(); i++) {
            host.send(i, Vcpu.Plain.CREATE);
        }
        look();
        forgetWhatHappened();
    }

    /**
     * The machine that the words of a vm line describe. Without APICv it keeps four bits of the TPR as the recording
     * processor did (vendor-tpr-low-bits), with APICv it is one with VMX.
     */
    static Machine machineOf(int vcpus, int x2apicApi, Machine.Apicv apicv, Irqchip irqchip) {
        return new Machine(
                vcpus,
                Protocol.SCAN_THEN_LOAD,
                apicv,
                x2apicApi,
                0,
                apicv == Machine.Apicv.ACTIVE ? Machine.TaskPriority.TPR_SHADOW : Machine.TaskPriority.VIRTUAL_CR8,
                isNewerRecording(x2apicApi) ? List.of(Fault.OLD_TARGETS_BY_NEW_MODE) : RECORDED_KERNEL,
                0,
                irqchip);
    }

    Machine machine() {
        return machine;
    }

    Vm vm() {
        return vm;
    }

    List<Vcpu> vcpus() {
        return vcpus;
    }

    void tell(Vm.Message message) {
        host.send(message);
        host.runUntilQuiescent();
    }

    void tell(int vcpu, Vcpu.Message message) {
        host.send(vcpu, message);
        host.runUntilQuiescent();
    }

    /** Lets {@code millis} milliseconds pass; after ten nothing is left in the timer. */
    void sleep(long millis) {
        for (int tick = 0; tick < Math.min(millis, HostTimer.EOI_INJECT_TICKS); tick++) {
            host.send(HostTimer.Plain.TICK);
        }
        host.runUntilQuiescent();
    }

    /** Loads software into a vCPU, interrupts off. */
    void load(int vcpu, org.vcpusim.kvm.Guest.Software software) {
        host.load(vcpu, software);
        host.send(vcpu, Vcpu.Plain.SET_REGS);
        host.runUntilQuiescent();
    }

    /** Runs KVM_RUN until the guest has stopped or blocks; accesses that nobody takes read as ones. */
    Run run(int vcpu) {
        List<String> words = new ArrayList<>();
        String late = unreported.remove(vcpu);
        if (late != null) {
            words.add(late);
        }
        tell(vcpu, new Vcpu.Run(0));
        while (true) {
            Userspace.Message exit = takeExit(words).orElse(null);
            if (exit == null) {
                tell(vcpu, Vcpu.Plain.SIGNAL);
                if (takeExit(words).isEmpty()) {
                    throw new IllegalStateException("vCPU " + vcpu + " does not leave KVM_RUN");
                }
                return new Run(words, true);
            }
            if (exit instanceof Userspace.IoapicEoi eoi) {
                report(eoi, words);
                tell(vcpu, new Vcpu.Run(0));
            } else if (exit instanceof Userspace.VcpuExited exited) {
                if (exited.access().equals(Userspace.Unhandled.NONE)) {
                    return new Run(words, false);
                }
                words.add(unhandled(exited.access(), exited.reason()));
                tell(vcpu, new Vcpu.Run(ones(exited.access().size())));
            }
        }
    }

    /**
     * The EOI exit belongs to the way into the guest after the EOI. On the host of the newer recordings each access was a
     * KVM_RUN of its own, which had returned by then: there the exit comes with the next operation
     * (new-suppress-off-split).
     */
    private void report(Userspace.IoapicEoi eoi, List<String> words) {
        String word = String.format("ioapic_eoi=0x%02x", eoi.vector());
        if (isNewerRecording(machine.x2apicApi())) {
            unreported.put(eoi.vcpu(), word);
        } else {
            words.add(word);
        }
    }

    /** Whether a recording needed a kernel that knows the flags for the suppression of EOI broadcasts. */
    private static boolean isNewerRecording(int x2apicApi) {
        int flags = Machine.X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST | Machine.X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST;
        return (x2apicApi & flags) != 0;
    }

    /** What a run showed, and whether it ended with the vCPU blocked. */
    record Run(List<String> words, boolean blocked) {
        Run {
            words = List.copyOf(words);
        }
    }

    private static String unhandled(Userspace.Unhandled access, Event.UserspaceExit reason) {
        if (reason == Event.UserspaceExit.KVM_EXIT_IO) {
            return "pio=" + VectorState.hex(access.address());
        }
        return "mmio=" + (access.access() == Event.Access.READ ? "r:" : "w:") + VectorState.hex(access.address());
    }

    private static long ones(int size) {
        return size >= Long.BYTES ? -1L : (1L << Byte.SIZE * size) - 1;
    }

    private Optional<Userspace.Message> takeExit(List<String> words) {
        for (Event event : host.events()) {
            if (event instanceof Event.InterruptTaken taken) {
                words.add(String.format("vec=0x%02x", taken.vector()));
            } else if (event instanceof Event.SmiHandled) {
                words.add("smi");
            } else if (event instanceof Event.SipiStarted started) {
                words.add(String.format("sipi=0x%02x", started.page()));
            }
        }
        Optional<Userspace.Message> exit = Optional.empty();
        for (Userspace.Message message : host.userspaceMessages()) {
            if (message instanceof Userspace.VcpuExited || message instanceof Userspace.IoapicEoi) {
                exit = Optional.of(message);
            } else {
                kept.add(message);
            }
        }
        return exit;
    }

    private final List<Userspace.Message> kept = new ArrayList<>();

    /** What an ioctl returned. */
    long returned() {
        long result = 0;
        for (Userspace.Message message : host.userspaceMessages()) {
            if (message instanceof Userspace.Done done) {
                result = done.result();
            } else if (message instanceof Userspace.VcpuCalled called) {
                result = called.result();
            } else {
                kept.add(message);
            }
        }
        return result;
    }

    /** How often each irqfd's resample event was signalled since the last call. */
    SortedMap<Integer, Integer> resamples() {
        TreeMap<Integer, Integer> counts = new TreeMap<>();
        kept.addAll(host.userspaceMessages());
        for (Userspace.Message message : kept) {
            if (message instanceof Userspace.ResampleSignalled r) {
                counts.merge(r.irqfd(), 1, Integer::sum);
            }
        }
        kept.clear();
        return counts;
    }

    /** Reads the whole state, as KVM_GET_* does; a pending INIT or SIPI is acted on by that. */
    void look() {
        for (int i = 0; i < machine.vcpuCount(); i++) {
            host.send(i, Vcpu.Plain.GET_STATE);
            host.runUntilQuiescent();
        }
        host.send(Vm.GetState.GET_STATE);
        host.runUntilQuiescent();
        List<Vcpu> seen = new ArrayList<>();
        for (Userspace.Message message : host.userspaceMessages()) {
            if (message instanceof Userspace.VcpuState s) {
                seen.add(s.vcpu());
            } else if (message instanceof Userspace.VmState s) {
                vm = s.vm();
            } else {
                kept.add(message);
            }
        }
        vcpus = List.copyOf(seen);
        for (Event event : host.events()) {
            if (event instanceof Event.SipiStarted started) {
                startups.put(started.vcpu(), started.page());
            }
        }
    }

    /** Where a start-up IPI has put the vCPU, if it has and nobody has asked since; new registers take it elsewhere. */
    List<String> takeStartup(int vcpu) {
        Integer page = startups.remove(vcpu);
        return page == null ? List.of() : List.of(String.format("sipi=0x%02x", page));
    }

    private void forgetWhatHappened() {
        kept.clear();
    }

    @Override
    public void close() {
        host.close();
    }
}
