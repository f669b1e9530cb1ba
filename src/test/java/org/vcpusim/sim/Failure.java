package org.vcpusim.sim;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.RandomChooser;
import org.vcpusim.schedule.RecordingChooser;
import org.vcpusim.schedule.Schedule;

/** The first random schedule of a bundled scenario that shows what faults break. */
record Failure(Scenario scenario, Schedule schedule, Violation violation) {
    private static final int SEEDS = 3_000;

    static Scenario scenario(String name, Fault... faults) {
        return ScenarioFile.read(Path.of("conf", "scenarios", name + ".conf"))
                .withFaults(EnumSet.copyOf(List.of(faults)))
                .withProtocol(Protocol.SCAN_THEN_LOAD);
    }

    static Failure of(String name, Fault... faults) {
        Scenario scenario = scenario(name, faults);
        Bounds bounds = Bounds.steps(scenario.limits().steps());
        for (long seed = 0; seed < SEEDS; seed++) {
            Invariants invariants = Invariants.all();
            RecordingChooser chooser = new RecordingChooser(new RandomChooser(seed));
            PlainSimulation.run(ScenarioAssembly.of(scenario), chooser, List.of(invariants), bounds);
            if (!invariants.findings().isEmpty()) {
                return new Failure(
                        scenario, chooser.schedule(), invariants.findings().get(0));
            }
        }
        throw new AssertionError(List.of(faults) + " is not found in " + name + " by " + SEEDS + " seeds");
    }
}
