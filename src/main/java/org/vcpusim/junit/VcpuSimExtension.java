package org.vcpusim.junit;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.lang.reflect.Method;
import java.util.List;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;
import org.slf4j.LoggerFactory;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.RulesChange;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.schedule.StrategyKind;
import org.vcpusim.sim.ProgramVersion;
import org.vcpusim.sim.Stress;
import org.vcpusim.sim.StressPlan;

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

    /** Runs what the annotation of {@code method} asks for. */
    static Expect run(Method method) {
        VcpuSimTest test = AnnotationSupport.findAnnotation(method, VcpuSimTest.class)
                .orElseThrow(() -> new ExtensionConfigurationException(method + ": must have @VcpuSimTest"));
        try {
            NamedScenario named = NamedScenario.of(test.scenario(), method.getDeclaringClass());
            Scenario scenario = new RulesChange("%s", test.kernel(), List.of(test.without()), List.of(test.with()))
                    .of(named.scenario());
            if (test.shrinkSeconds() < 0) {
                throw new InputException("shrinkSeconds = " + test.shrinkSeconds() + ": must be at least 0");
            }
            StressPlan plan = new StressPlan(
                    scenario,
                    StrategyKind.of(test.strategy()),
                    seed(test),
                    StressPlan.Budget.schedules(schedules(test)),
                    test.jobs());
            quieten();
            return new Expect(
                    Stress.run(plan, () -> false, done -> {}),
                    new Expect.Telling(named.file(), ProgramVersion.running(), test.shrinkSeconds()));
        } catch (InputException | IllegalArgumentException e) {
            throw new ExtensionConfigurationException("@VcpuSimTest of "
                    + method.getDeclaringClass().getSimpleName() + "." + method.getName() + ": " + e.getMessage());
        }
    }

    /** Actors log each step at DEBUG, which is Logback's level where a project configures none: thousands of lines a schedule. */
    private static void quieten() {
        if (LoggerFactory.getLogger("vcpusim") instanceof Logger logger && logger.getLevel() == null) {
            logger.setLevel(Level.WARN);
        }
    }

    private static long schedules(VcpuSimTest test) {
        if (test.schedules() < 1) {
            throw new InputException("schedules = " + test.schedules() + ": must be at least 1");
        }
        return test.schedules();
    }

    private static long seed(VcpuSimTest test) {
        String property = System.getProperty(SEED);
        try {
            return property == null ? test.seed() : Long.decode(property);
        } catch (NumberFormatException e) {
            throw new InputException("system property " + SEED + " = " + property + ": must be a number");
        }
    }
}
