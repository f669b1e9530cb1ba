package org.vcpusim.junit;

import java.lang.reflect.Method;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.KernelVersion;
import org.vcpusim.kvm.Rules;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.StrategyKind;
import org.vcpusim.sim.ProgramVersion;
import org.vcpusim.sim.Stress;
import org.vcpusim.sim.StressPlan;
import org.vcpusim.sim.StressReport;

/** Runs the schedules of a {@link VcpuSimTest} before the method, and judges them where the method does not. */
public final class VcpuSimExtension
        implements ParameterResolver, BeforeTestExecutionCallback, AfterTestExecutionCallback {
    private static final ExtensionContext.Namespace NAMESPACE =
            ExtensionContext.Namespace.create(VcpuSimExtension.class);
    private static final String SEED = "vcpusim.seed";

    /** JUnit makes it. */
    public VcpuSimExtension() {}

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == Expect.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return expect(context);
    }

    @Override
    public void beforeTestExecution(ExtensionContext context) {
        expect(context);
    }

    @Override
    public void afterTestExecution(ExtensionContext context) {
        Expect expect = expect(context);
        if (!expect.wasAsked() && context.getExecutionException().isEmpty()) {
            expect.noFindings();
        }
    }

    /** The expectations of this test; its schedules run when they are first asked for. */
    private static Expect expect(ExtensionContext context) {
        Method method = context.getRequiredTestMethod();
        return context.getStore(NAMESPACE).getOrComputeIfAbsent(method, VcpuSimExtension::run, Expect.class);
    }

    private static Expect run(Method method) {
        VcpuSimTest test = method.getAnnotation(VcpuSimTest.class);
        if (test == null) {
            throw new ExtensionConfigurationException(method + ": must have @VcpuSimTest");
        }
        Scenario scenario = ScenarioFile.read(Path.of(test.scenario()));
        StressPlan plan = new StressPlan(
                scenario.withRules(rules(test, scenario)),
                StrategyKind.of(test.strategy()),
                Long.getLong(SEED, test.seed()),
                StressPlan.Budget.schedules(test.schedules()),
                test.jobs());
        StressReport report = Stress.run(plan, () -> false, done -> {});
        return new Expect(report, ProgramVersion.running());
    }

    private static Rules rules(VcpuSimTest test, Scenario scenario) {
        Rules rules =
                test.kernel().isEmpty() ? scenario.machine().rules() : Rules.of(KernelVersion.parse(test.kernel()));
        for (String name : test.without()) {
            rules = rules.without(Fix.of(name)
                    .orElseThrow(() -> new ExtensionConfigurationException(
                            "without = " + name + ": must be a fix, B01 to B49 or B27b")));
        }
        return rules;
    }
}
