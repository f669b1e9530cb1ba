package org.vcpusim.sim;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.vcpusim.kvm.Irqchip;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.scenario.InputException;

/** Replays a recorded vector and compares every result and the whole state after every operation. */
public final class Conformance implements AutoCloseable {
    private static final int MOST_VCPUS = 4096;
    private static final String SPLIT = "split:";

    private final Optional<ControlledSimulation> simulation;
    private final Machine.Apicv apicv;

    private Conformance(Optional<ControlledSimulation> simulation, Machine.Apicv apicv) {
        this.simulation = simulation;
        this.apicv = apicv;
    }

    /** What the vector is replayed on. */
    public enum Path {
        /** The state machines, without actors. */
        CORE,
        /** The VM and vCPU actors on the controlled executor. */
        CONTROLLED;

        /** As the command line has it. */
        @Override
        public String toString() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /** Replays on {@code executor}, with APICv inactive as it was when the vectors were recorded. */
    public static Conformance on(Path executor) {
        return on(executor, Machine.Apicv.INACTIVE);
    }

    /** Replays on {@code executor}, with APICv as wanted; vectors that turn out to depend on its being inactive are skipped. */
    public static Conformance on(Path executor, Machine.Apicv apicv) {
        return new Conformance(
                executor == Path.CONTROLLED ? Optional.of(new ControlledSimulation()) : Optional.empty(), apicv);
    }

    private static final List<String> MACHINE_WORDS = List.of("vcpus", "irqchip", "routing", "x2apic_api");

    /** What became of one vector. */
    public sealed interface Outcome {}

    /** Everything agreed. */
    public record Passed(int operations) implements Outcome {}

    /** The machine needs something that is not modelled. */
    public record Skipped(String needs) implements Outcome {}

    /**
     * Something differed.
     *
     * @param line of the operation in the file
     * @param operation as it stands there
     * @param what the key that differs, or {@code =} for the result
     * @param expected what was recorded
     * @param found what the model said
     */
    public record Failed(int line, String operation, String what, String expected, String found) implements Outcome {}

    /** Replays {@code file}. */
    public Outcome replay(VectorFile file) {
        Map<String, String> vm = new LinkedHashMap<>();
        file.machine().forEach(word -> vm.put(word.key(), word.value()));
        Optional<String> unknown = vm.keySet().stream()
                .filter(word -> !MACHINE_WORDS.contains(word))
                .findFirst();
        if (unknown.isPresent()) {
            return new Skipped("the machine word " + unknown.get());
        }
        int vcpus = vcpus(file, vm.getOrDefault("vcpus", "1"));
        int flags = (int) VectorDriver.Words.number(vm.getOrDefault("x2apic_api", "0"));
        Irqchip irqchip = irqchip(file, vm.getOrDefault("irqchip", "kernel"));
        Routing routing =
                irqchip.isSplit() ? Routing.NONE : Routing.of(preset(file, vm.getOrDefault("routing", "ioapic")));
        Machine machine = VectorMachine.machineOf(vcpus, flags, apicv, irqchip);
        try (VectorMachine running = new VectorMachine(machine, routing, this::host)) {
            Outcome outcome = replay(file, running, new VectorDriver(running, routing));
            return apicv == Machine.Apicv.ACTIVE ? excused(file, outcome) : outcome;
        }
    }

    /** A difference that APICv explains is none of the model. */
    private static Outcome excused(VectorFile file, Outcome outcome) {
        if (outcome instanceof Failed failed) {
            return ApicvDependence.needsOf(file, failed)
                    .<Outcome>map(Skipped::new)
                    .orElse(failed);
        }
        return outcome;
    }

    private VectorHost host(Vm vm, List<Vcpu> vcpus) {
        return simulation.isPresent()
                ? new ActorVectorHost(simulation.get(), vm, vcpus, VectorGuests.doing())
                : new CoreVectorHost(vm, vcpus, VectorGuests.doing());
    }

    private static int vcpus(VectorFile file, String text) {
        long count = VectorDriver.Words.number(text);
        if (count < 1 || count > MOST_VCPUS) {
            throw new InputException(file.path() + ": vcpus = " + count + ": must be 1 to " + MOST_VCPUS);
        }
        return (int) count;
    }

    private static Irqchip irqchip(VectorFile file, String text) {
        if (text.equals("kernel")) {
            return Irqchip.KERNEL;
        }
        long pins = text.startsWith(SPLIT) ? VectorDriver.Words.number(text.substring(SPLIT.length())) : -1;
        if (pins < 0 || pins > Irqchip.MOST_PINS) {
            throw new InputException(file.path() + ": irqchip = " + text + ": must be kernel, or split: and 0 to "
                    + Irqchip.MOST_PINS + " pins");
        }
        return Irqchip.split((int) pins);
    }

    private static Routing.Preset preset(VectorFile file, String text) {
        return switch (text) {
            case "ioapic" -> Routing.Preset.IOAPIC;
            case "default" -> Routing.Preset.DEFAULT;
            case "pcat" -> Routing.Preset.PCAT;
            default ->
                throw new InputException(file.path() + ": routing = " + text + ": must be ioapic, default or pcat");
        };
    }

    private static Outcome replay(VectorFile file, VectorMachine running, VectorDriver driver) {
        Map<String, String> expected = new LinkedHashMap<>();
        file.initial().forEach(word -> expected.put(word.key(), word.value()));
        Optional<Failed> difference = compare(1, "vm", expected, running);
        if (difference.isPresent()) {
            return difference.get();
        }
        for (VectorFile.Operation operation : file.operations()) {
            String text = String.join(" ", operation.words());
            String result = executed(file, driver, operation);
            if (!result.equals(operation.result())) {
                return new Failed(operation.line(), text, "=", operation.result(), result);
            }
            operation.changes().forEach(word -> expected.put(word.key(), word.value()));
            running.look();
            difference = compare(operation.line(), text, expected, running);
            if (difference.isPresent()) {
                return difference.get();
            }
        }
        return new Passed(file.operations().size());
    }

    private static String executed(VectorFile file, VectorDriver driver, VectorFile.Operation operation) {
        try {
            return driver.execute(operation.words());
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new InputException(file.path() + ":" + operation.line() + ": " + e.getMessage());
        }
    }

    /** The first key that differs; {@code ppr} is a cache whose age recorded kernels show and the model has not. */
    private static Optional<Failed> compare(
            int line, String operation, Map<String, String> expected, VectorMachine running) {
        Map<String, String> found = VectorState.of(running.vm(), running.vcpus());
        for (Map.Entry<String, String> entry : expected.entrySet()) {
            String key = entry.getKey();
            String value = found.getOrDefault(key, "none");
            if (!value.equals(entry.getValue()) && !key.endsWith(".ppr")) {
                return Optional.of(new Failed(line, operation, key, entry.getValue(), value));
            }
        }
        return Optional.empty();
    }

    /** Ends the actor system, if there is one. */
    @Override
    public void close() {
        simulation.ifPresent(ControlledSimulation::close);
    }
}
